import { InternalError } from './errors.js';
import type { Processor } from './state.js';

/** @internal Adds a message to what is in flight to a processor, by value: without time, any may arrive first. */
export function putMessage(processor: Processor, message: number): void {
  const { inFlight } = processor;
  let hole = inFlight.length;
  inFlight.push(message);
  for (; hole > 0 && (inFlight[hole - 1] as number) > message; hole--) inFlight[hole] = inFlight[hole - 1] as number;
  inFlight[hole] = message;
}

/** @internal Takes one message of this value out of what is in flight to a processor. */
export function takeMessage(processor: Processor, message: number): void {
  const { inFlight } = processor;
  const index = inFlight.indexOf(message);
  if (index < 0) {
    throw new InternalError(`processor ${processor.id}`, `message ${message} arrives but was not in flight`);
  }
  for (let i = index + 1; i < inFlight.length; i++) inFlight[i - 1] = inFlight[i] as number;
  inFlight.pop();
}
