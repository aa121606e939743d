/** Signal of a stream that is left before its end: to stop reading is not enough, because the Manager would go on. */
export class StreamEnd implements Disposable {
  readonly #outer: AbortSignal;
  readonly #controller = new AbortController();
  readonly #stop = () => this.#controller.abort(this.#outer.reason);

  constructor(outer: AbortSignal) {
    this.#outer = outer;
    if (outer.aborted) this.#stop();
    else outer.addEventListener("abort", this.#stop);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    this.#outer.removeEventListener("abort", this.#stop);
    this.#controller.abort();
  }
}
