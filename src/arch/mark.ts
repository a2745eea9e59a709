let reached: Set<string> | undefined;

/**
 * Names a rule of the specification at the place in the code that carries it out, so that a test can demand that it was
 * reached ({@link recordMarks}). Costs one comparison when nobody records.
 */
export function mark(rule: string): void {
  if (reached !== undefined) reached.add(rule);
}

/** Runs `body` and returns the names of the rules whose code it reached. */
export function recordMarks(body: () => void): ReadonlySet<string> {
  const outer = reached;
  const mine = new Set<string>();
  reached = mine;
  try {
    body();
  } finally {
    reached = outer;
    if (outer !== undefined) for (const rule of mine) outer.add(rule);
  }
  return mine;
}
