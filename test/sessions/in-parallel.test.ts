import { expect, test } from 'bun:test';
import { inParallel } from '../../src/sessions/in-parallel';

test('an error is thrown only once nothing is under way any more, and starts nothing new', async () => {
  const ended: number[] = [];
  const started: number[] = [];
  const work = async (item: number): Promise<void> => {
    started.push(item);
    await Bun.sleep(item === 1 ? 5 : 40);
    if (item === 1) throw new Error('first');
    ended.push(item);
  };
  await expect(inParallel([0, 1, 2, 3, 4, 5], 3, work)).rejects.toThrow('first');
  expect(started).toEqual([0, 1, 2]);
  expect(ended).toEqual([0, 2]);
});

test('the first of several errors is thrown', async () => {
  const work = async (item: number): Promise<void> => {
    await Bun.sleep(item);
    throw new Error(`after ${item}`);
  };
  await expect(inParallel([30, 10, 20], 3, work)).rejects.toThrow('after 10');
});
