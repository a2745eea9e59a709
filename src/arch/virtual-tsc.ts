import { hasPrimary, hasSecondary, Primary, Secondary } from './controls.js';
import { u64FromBigInt, u64ToBigInt } from './u64.js';
import type { ApicVmcs, U64 } from './virtual-processor.js';

/** The VMCS fields that make the guest's time-stamp counter. */
export interface TscVmcs extends ApicVmcs {
  /** Added to the (scaled) time-stamp counter, modulo 2^64. */
  tscOffset: U64;
  /** Multiplies the time-stamp counter, as a fixed-point number with 48 bits after the point. */
  tscMultiplier: U64;
}

function add(a: U64, b: U64): U64 {
  const low = a[0] + b[0];
  return [low >>> 0, (a[1] + b[1] + (low > 0xffff_ffff ? 1 : 0)) >>> 0];
}

function subtract(a: U64, b: U64): U64 {
  return [(a[0] - b[0]) >>> 0, (a[1] - b[1] - (a[0] < b[0] ? 1 : 0)) >>> 0];
}

/** True if `a` is above `b`, both unsigned. */
export function isAbove(a: U64, b: U64): boolean {
  return a[1] !== b[1] ? a[1] > b[1] : a[0] > b[0];
}

function offsets(vmcs: TscVmcs): boolean {
  return hasPrimary(vmcs, Primary.useTscOffsetting);
}

function scales(vmcs: TscVmcs): boolean {
  return hasSecondary(vmcs, Secondary.useTscScaling);
}

/**
 * What RDTSC returns in VMX non-root operation: the time-stamp counter, scaled and offset as the controls say (scaling counts
 * only with offsetting). SDM vol. 3C, "Changes to Instruction Behavior in VMX Non-Root Operation".
 */
export function virtualTsc(vmcs: TscVmcs, tsc: U64): U64 {
  if (!offsets(vmcs)) return tsc;
  if (!scales(vmcs)) return add(tsc, vmcs.tscOffset);
  const scaled = u64FromBigInt((u64ToBigInt(tsc) * u64ToBigInt(vmcs.tscMultiplier)) >> 48n);
  return add(scaled, vmcs.tscOffset);
}

/**
 * The time-stamp count at which {@link virtualTsc} reaches `deadline`. Where the quotient does not fit in 64 bits, the greatest
 * value there is (the SDM leaves the rounding and that case open).
 */
export function physicalDeadline(vmcs: TscVmcs, deadline: U64): U64 {
  if (!offsets(vmcs)) return deadline;
  const unoffset = subtract(deadline, vmcs.tscOffset);
  if (!scales(vmcs)) return unoffset;
  const multiplier = u64ToBigInt(vmcs.tscMultiplier);
  const all = 0xffff_ffff_ffff_ffffn;
  if (multiplier === 0n) return u64FromBigInt(all);
  // Rounded up: the virtual counter must not be short of the deadline when the timer fires.
  const quotient = ((u64ToBigInt(unoffset) << 48n) + multiplier - 1n) / multiplier;
  return u64FromBigInt(quotient > all ? all : quotient);
}
