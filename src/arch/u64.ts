import type { U64 } from './virtual-processor.js';

/** A pair as one `bigint`. */
export function u64ToBigInt(value: U64): bigint {
  return (BigInt(value[1] >>> 0) << 32n) | BigInt(value[0] >>> 0);
}

/** The low 64 bits of `value` as a pair. */
export function u64FromBigInt(value: bigint): U64 {
  return [Number(value & 0xffff_ffffn), Number((value >> 32n) & 0xffff_ffffn)];
}

/** True if the pair is below 2^`width` (`width` 32-63): an address inside the physical-address width. */
export function fitsWidth(value: U64, width: number): boolean {
  return value[1] >>> (width - 32) === 0;
}
