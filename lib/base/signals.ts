/** Resolves once the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
}

/** Signal that follows others until it is disposed of. */
export interface JointSignal extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * Makes a signal that is aborted with the first of these, for the same reason.
 *
 * AbortSignal.any would do it, but Deno 2.7 collects its signal, with all listeners on it, if nothing else refers to
 * it.
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
