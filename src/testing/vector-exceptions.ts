/** A step of a vector file that is taken to be wrong. */
export interface VectorException {
  /** `id` of the sequence. */
  readonly sequence: string;
  /** Index of the step in it, from 0. */
  readonly step: number;
  /** Where the SDM says otherwise. */
  readonly section: string;
  readonly reason: string;
}

/** Every step whose expected outcome is taken to be wrong; these count as passed only if they fail. None is known. */
export const vectorExceptions: readonly VectorException[] = [];
