import { describe, expect } from 'vitest';
import { beginApicWrite, virtualizeApicRead } from '../../src/arch/index.js';
import { type ControlName, guest } from './guest.js';
import { rule } from './rules/rule.js';

const base: ControlName[] = ['useTprShadow', 'virtualizeApicAccesses'];
const vid: ControlName[] = [...base, 'virtualInterruptDelivery'];
const arv: ControlName[] = [...base, 'apicRegisterVirtualization'];
const ipiv: ControlName[] = [...base, 'ipiVirtualization'];

/** What an aligned 32-bit access comes to: done without exit, exit 44, or landed and exit 56. */
type Cell = 'V' | 'A' | 'W';

function read(controls: ControlName[], offset: number): Cell {
  const outcome = virtualizeApicRead(guest(...controls), offset, 4);
  return outcome.kind === 'data' ? 'V' : 'A';
}

function write(controls: ControlName[], offset: number, value: number): Cell {
  const outcome = beginApicWrite(guest(...controls), offset, 4, value);
  if (outcome === 'ipi-virtualization' || outcome.kind === 'completed') return 'V';
  return outcome.kind === 'exit' && outcome.reason === 56 ? 'W' : 'A';
}

/** The columns: reads without more, with VID, with ARV; writes without more, with VID, IPIV, ARV, and with VID and ARV. */
function row(offset: number, value = 0): string {
  const reads = [base, vid, arv].map((controls) => read(controls, offset));
  const both = [...vid, 'apicRegisterVirtualization'] satisfies ControlName[];
  const writes = [base, vid, ipiv, arv, both].map((controls) => write(controls, offset, value));
  return `${reads.join(' ')} | ${writes.join(' ')}`;
}

function rows(offsets: readonly number[], expected: string): void {
  for (const offset of offsets)
    expect(`${offset.toString(16)}: ${row(offset)}`).toBe(`${offset.toString(16)}: ${expected}`);
}

const set = (start: number, end: number): number[] =>
  Array.from({ length: (end - start) / 16 + 1 }, (_, i) => start + 16 * i);

describe('what a 32-bit access comes to, by register and controls', () => {
  rule('9.5 020 ID', () => rows([0x020], 'A A V | A A A W W'));
  rule('9.5 030 version', () => rows([0x030], 'A A V | A A A A A'));
  rule('9.5 080 TPR', () => rows([0x080], 'V V V | V V V V V'));
  rule('9.5 090, 0A0, 0C0', () => rows([0x090, 0x0a0, 0x0c0], 'A A A | A A A A A'));
  rule('9.5 0B0 EOI', () => rows([0x0b0], 'A V V | A V A W V'));
  rule('9.5 0D0, 0E0, 0F0', () => rows([0x0d0, 0x0e0, 0x0f0], 'A A V | A A A W W'));
  rule('9.5 100-270', () => rows(set(0x100, 0x270), 'A A V | A A A A A'));
  rule('9.5 280 ESR', () => rows([0x280], 'A A V | A A A W W'));
  rule('9.5 2F0 CMCI', () => rows([0x2f0], 'A A A | A A A A A'));
  rule('9.5 300 ICR low', () => {
    expect(row(0x300, 0x4_0041)).toBe('A V V | A V W W V'); // self
    expect(row(0x300, 0x41)).toBe('A V V | A W V W W'); // eligible for IPI virtualization
    expect(row(0x300, 0x8_0041)).toBe('A V V | A W W W W'); // neither
    expect(write([...ipiv, 'apicRegisterVirtualization'], 0x300, 0x41)).toBe('V');
    expect(write([...ipiv, 'apicRegisterVirtualization', 'virtualInterruptDelivery'], 0x300, 0x41)).toBe('V');
  });
  rule('9.5 310 ICR high', () => rows([0x310], 'A A V | A A A V V'));
  rule('9.5 320-370, 380, 3E0', () => rows([...set(0x320, 0x380), 0x3e0], 'A A V | A A A W W'));
  rule('9.5 390, 3F0', () => rows([0x390, 0x3f0, ...set(0x3a0, 0x3d0), ...set(0x400, 0xff0)], 'A A A | A A A A A'));
});
