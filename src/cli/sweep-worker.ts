import { parentPort, workerData } from 'node:worker_threads';
import { InputError, InternalError, runSweepPoint, type SweepPoint, type SweepRow } from '../index.js';

// A thread of `vmx-apic sweep`: it is sent the number of a point, runs it, and answers with its rows or its error.

/** What a thread answers. */
export type SweepAnswer =
  | { readonly kind: 'rows'; readonly point: number; readonly rows: readonly SweepRow[] }
  | { readonly kind: 'input'; readonly path: string; readonly reason: string }
  | { readonly kind: 'internal'; readonly place: string; readonly message: string; readonly reproduction?: string };

const points = workerData as readonly SweepPoint[];

function answer(point: number): SweepAnswer {
  try {
    return { kind: 'rows', point, rows: runSweepPoint(points[point] as SweepPoint, point) };
  } catch (error) {
    if (error instanceof InputError) return { kind: 'input', path: error.path, reason: error.reason };
    if (!(error instanceof InternalError)) throw error;
    const { place, message, reproduction } = error;
    return { kind: 'internal', place, message, ...(reproduction === undefined ? {} : { reproduction }) };
  }
}

parentPort?.on('message', (point: number) => {
  parentPort?.postMessage(answer(point));
});
