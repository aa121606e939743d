/** Resolves once the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
}

/** A signal that follows others, until it is disposed of. */
export interface JointSignal extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * A signal that is aborted with the first of these, for the same reason.
 *
 * AbortSignal.any does that too, but Deno 2.7 collects one that nothing else holds together with the listeners on it.
 */
export function joint(signals: readonly AbortSignal[]): JointSignal {
  const controller = new AbortController();
  const undo = new DisposableStack();
  for (const signal of signals) {
    const follow = () => controller.abort(signal.reason);
    if (signal.aborted) follow();
    signal.addEventListener("abort", follow, { once: true });
    undo.defer(() => signal.removeEventListener("abort", follow));
  }
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => undo.dispose(),
  };
}
