import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

export interface SpecApicRegister {
  offset: number;
  name: string;
  access: string;
  xapic: boolean;
  x2apicMsr: string | null;
  x2apicAccess: string | null;
  reset?: string;
  writableMask?: string;
  writableMaskXapic?: string;
}

export interface SpecApic {
  registers: SpecApicRegister[];
  icr: { reservedMaskLow: string; deliveryModes: Record<string, string>; shorthand: Record<string, string> };
  lvt: { entries: { offset: string; name: string; has: string[] }[]; timerModes: Record<string, string> };
  esr: { bits: Record<string, string> };
  timer: { deadlineMsr: string };
  apicBaseMsr: { msr: string; transitions: { frm: string; to: string; ok: boolean }[] };
}

/** What the sources say about the local APIC: registers, ICR, LVT, ESR, modes. */
export const specApic = JSON.parse(
  gunzipSync(readFileSync(new URL('../data/apic.json.gz', import.meta.url))).toString(),
) as SpecApic;
