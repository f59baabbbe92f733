/**
 * Milliseconds of processor time that this process has had: what a share of time is measured in, because the clock on the
 * wall also counts what others do on a busy machine.
 */
export function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
