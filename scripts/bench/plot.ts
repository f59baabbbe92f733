/** A plot of cost by size, both axes logarithmic, as SVG text. */

export interface Line {
  readonly name: string;
  /** Projects and milliseconds. */
  readonly points: readonly (readonly [size: number, value: number])[];
}

const WIDTH = 720;
const HEIGHT = 440;
const LEFT = 70;
const RIGHT = 170;
const TOP = 40;
const BOTTOM = 50;
const COLOURS = ['#1f77b4', '#d62728', '#2ca02c', '#9467bd', '#ff7f0e', '#8c564b', '#17becf', '#7f7f7f'];

export function plot(title: string, unit: string, lines: readonly Line[]): string {
  const points = lines.flatMap((line) => line.points);
  const xs = points.map(([size]) => Math.log10(size));
  const ys = points.map(([, value]) => Math.log10(value));
  const x = scale(Math.min(...xs), Math.max(...xs), LEFT, WIDTH - RIGHT);
  const [low, high] = [Math.floor(Math.min(...ys)), Math.ceil(Math.max(...ys))];
  const y = scale(low, high, HEIGHT - BOTTOM, TOP);
  const text = (at: readonly [number, number], words: string, anchor = 'start'): string =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" text-anchor="${anchor}">${words}</text>`;
  const grid = Array.from({ length: high - low + 1 }, (_, index) => {
    const level = y(low + index);
    const rule = `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${level}" y2="${level}" stroke="#ddd"/>`;
    return rule + text([LEFT - 8, level + 4], `${10 ** (low + index)}`, 'end');
  });
  const sizes = [...new Set(points.map(([size]) => size))].sort((a, b) => a - b);
  const marks = sizes.map((size) => text([x(Math.log10(size)), HEIGHT - BOTTOM + 18], `${size}`, 'middle'));
  const drawn = lines.map(({ name, points: at }, index) => {
    const colour = COLOURS[index % COLOURS.length] ?? '#000';
    const path = at.map(([size, value]) => `${x(Math.log10(size)).toFixed(1)},${y(Math.log10(value)).toFixed(1)}`);
    const row = TOP + 12 + index * 18;
    const key = `<rect x="${WIDTH - RIGHT + 14}" y="${row - 9}" width="10" height="10" fill="${colour}"/>`;
    return `<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>${key}${text([WIDTH - RIGHT + 30, row], name)}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text([LEFT, 22], `${title} (${unit})`),
    ...grid,
    ...marks,
    text([(LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10], 'projects', 'middle'),
    ...drawn,
    '</svg>',
    '',
  ].join('\n');
}

function scale(from: number, to: number, start: number, end: number): (value: number) => number {
  const span = to - from || 1;
  return (value) => start + ((value - from) / span) * (end - start);
}
