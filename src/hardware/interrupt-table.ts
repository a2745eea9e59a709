import { InternalError } from '../engine/errors.js';

/**
 * An interrupt descriptor table as plain data: vector, handler, vector, handler, …. A handler is the number of the first stage of its
 * routine (saved by name).
 */
export type InterruptTable = number[];

/** Sets the handler of a vector (0-255). `entry` is the routine's `entry`. */
export function setHandler(table: InterruptTable, vector: number, entry: number): void {
  for (let i = 0; i < table.length; i += 2) {
    if (table[i] === vector) {
      table[i + 1] = entry;
      return;
    }
  }
  table.push(vector, entry);
}

/** The handler of a vector. Throws an {@link InternalError} if there is none: a program that enables interrupts has them all. */
export function handlerOf(table: InterruptTable, vector: number): number {
  for (let i = 0; i < table.length; i += 2) if (table[i] === vector) return table[i + 1] as number;
  throw new InternalError(`vector ${vector}`, 'is delivered but no handler was set for it');
}
