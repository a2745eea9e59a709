/** Which states follow which: filled state by state, in their order, and asked once all are known. */
export class Edges {
  private targets = new Int32Array(1 << 12);
  private count = 0;
  /** Of each state, where its targets begin. */
  private begins = new Int32Array(1 << 10);
  private states = 0;

  /** What they take in memory. */
  get bytes(): number {
    return this.targets.byteLength + this.begins.byteLength;
  }

  /** What is added from now on leads away from the next state. */
  next(): void {
    if (this.states + 1 >= this.begins.length) this.begins = longer(this.begins);
    this.begins[this.states++] = this.count;
    this.begins[this.states] = this.count;
  }

  /** An edge to a state. */
  add(target: number): void {
    if (this.count === this.targets.length) this.targets = longer(this.targets);
    this.targets[this.count++] = target;
    this.begins[this.states] = this.count;
  }

  /** The lowest state from which none without edges can be reached, or -1. */
  lowestWithoutEnd(): number {
    const { states, begins, targets, count } = this;
    // The edges turned round: of each state, those from which it follows.
    const sourceBegins = new Int32Array(states + 2);
    for (let i = 0; i < count; i++)
      sourceBegins[(targets[i] as number) + 2] = 1 + (sourceBegins[(targets[i] as number) + 2] as number);
    for (let i = 2; i < sourceBegins.length; i++)
      sourceBegins[i] = (sourceBegins[i] as number) + (sourceBegins[i - 1] as number);
    const sources = new Int32Array(count);
    for (let state = 0; state < states; state++) {
      for (let i = begins[state] as number; i < (begins[state + 1] as number); i++) {
        const slot = (targets[i] as number) + 1;
        sources[sourceBegins[slot] as number] = state;
        sourceBegins[slot] = 1 + (sourceBegins[slot] as number);
      }
    }
    const reached = new Uint8Array(states);
    const queue = new Int32Array(states);
    let length = 0;
    for (let state = 0; state < states; state++) {
      if (begins[state] !== begins[state + 1]) continue;
      reached[state] = 1;
      queue[length++] = state;
    }
    for (let head = 0; head < length; head++) {
      const state = queue[head] as number;
      for (let i = sourceBegins[state] as number; i < (sourceBegins[state + 1] as number); i++) {
        const source = sources[i] as number;
        if (reached[source] === 1) continue;
        reached[source] = 1;
        queue[length++] = source;
      }
    }
    return reached.indexOf(0);
  }
}

function longer(array: Int32Array): Int32Array<ArrayBuffer> {
  const made = new Int32Array(2 * array.length);
  made.set(array);
  return made;
}
