import type { FigureInput } from './figure.js';

/** A figure of the library, and which published numbers it stands for. */
export interface PublishedFigure extends FigureInput {
  readonly family: string;
  readonly tolerancePct: number;
  /** Names of the published numbers that it is, or that follow from it and others of the same table. */
  readonly covers: string[];
}
