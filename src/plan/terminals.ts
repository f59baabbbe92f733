/**
 * Tells the names that the legacy tool gives its terminals by itself (legacy-store.md 6): the id of a session below one of
 * these prefixes, or that of an early release with the hash of its directory before it.
 */
export function terminalNames(prefixes: Iterable<string>): (name: string) => boolean {
  const known = new Set(prefixes);
  return (name) => {
    if (/^[0-9a-f]{12}-./.test(name)) return true;
    // `app-orchestrator-1` is the second orchestrator of `app` or the first worker of `app-orchestrator`.
    const unnumbered = name.replace(/-\d+$/, '');
    const owner = unnumbered.replace(/-orchestrator$/, '');
    return (owner !== unnumbered && known.has(owner)) || (unnumbered !== name && known.has(unnumbered));
  };
}
