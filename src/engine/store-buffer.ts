import { InternalError } from './errors.js';
import type { Machine, Processor } from './state.js';

/**
 * A kind of memory location on which processors race with plain loads and stores, such as "the mode of vCPU i". Data
 * that says where in the machine it is, so that a store can wait in a buffer as plain numbers.
 */
export interface Location<M extends Machine> {
  readonly name: string;
  /** @internal What store buffers hold for it, in memory only. */
  readonly number: number;
  /** Its value, without any buffer. */
  get(machine: M, index: number): number;
  /** Sets its value, without any buffer. */
  set(machine: M, index: number, value: number): void;
}

/** @internal All kinds of location, by number. */
export const locations: Location<Machine>[] = [];

/**
 * Declares a kind of location, once, at module level.
 *
 * @param name - unique; saved states name it
 * @param access - how to read and write the location of an index, without any buffer
 */
export function location<M extends Machine>(
  name: string,
  access: { get(machine: M, index: number): number; set(machine: M, index: number, value: number): void },
): Location<M> {
  if (locations.some((other) => other.name === name)) {
    throw new InternalError(name, 'a location of this name is already declared');
  }
  const declared: Location<M> = { name, number: locations.length, get: access.get, set: access.set };
  locations.push(declared as unknown as Location<Machine>);
  return declared;
}

/** A plain store. Other processors see it at once, or, if the machine has store buffers, when it drains. */
export function store<M extends Machine>(
  machine: M,
  processor: Processor,
  where: Location<M>,
  index: number,
  value: number,
): void {
  if (machine.storeBuffers === 0) where.set(machine, index, value);
  else processor.storeBuffer.push(where.number, index, value);
}

/** A plain load: what this processor stored there last, even if no other can see that yet. */
export function load<M extends Machine>(machine: M, processor: Processor, where: Location<M>, index: number): number {
  const { storeBuffer } = processor;
  for (let i = storeBuffer.length - 3; i >= 0; i -= 3) {
    if (storeBuffer[i] === where.number && storeBuffer[i + 1] === index) return storeBuffer[i + 2] as number;
  }
  return where.get(machine, index);
}

/** The oldest store of a processor becomes visible. Its buffer must not be empty. */
export function drain(machine: Machine, processor: Processor): void {
  const { storeBuffer } = processor;
  const [number, index, value] = storeBuffer as [number, number, number];
  for (let i = 3; i < storeBuffer.length; i++) storeBuffer[i - 3] = storeBuffer[i] as number;
  for (let i = 0; i < 3; i++) storeBuffer.pop();
  (locations[number] as Location<Machine>).set(machine, index, value);
}

/** A full barrier: all that the processor has stored becomes visible. */
export function fence(machine: Machine, processor: Processor): void {
  while (processor.storeBuffer.length > 0) drain(machine, processor);
}

/** A locked exchange; returns the old value. */
export function exchange<M extends Machine>(
  machine: M,
  processor: Processor,
  where: Location<M>,
  index: number,
  value: number,
): number {
  fence(machine, processor);
  const old = where.get(machine, index);
  where.set(machine, index, value);
  return old;
}

/** A locked compare-and-exchange: stores `value` if the old value, which it returns, is `expected`. */
export function compareExchange<M extends Machine>(
  machine: M,
  processor: Processor,
  where: Location<M>,
  index: number,
  expected: number,
  value: number,
): number {
  fence(machine, processor);
  const old = where.get(machine, index);
  if (old === expected) where.set(machine, index, value);
  return old;
}

/** A locked bit-test-and-set of bit `bit` (0-31) of a word; returns the bit's old value. */
export function testAndSet<M extends Machine>(
  machine: M,
  processor: Processor,
  where: Location<M>,
  index: number,
  bit = 0,
): number {
  fence(machine, processor);
  const old = where.get(machine, index);
  where.set(machine, index, (old | (1 << bit)) >>> 0);
  return (old >>> bit) & 1;
}

/** A locked bit-test-and-reset of bit `bit` (0-31) of a word; returns the bit's old value. */
export function testAndClear<M extends Machine>(
  machine: M,
  processor: Processor,
  where: Location<M>,
  index: number,
  bit = 0,
): number {
  fence(machine, processor);
  const old = where.get(machine, index);
  where.set(machine, index, (old & ~(1 << bit)) >>> 0);
  return (old >>> bit) & 1;
}
