import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** A file of `test/data/`, decompressed and parsed. */
function load(name: string): unknown {
  return JSON.parse(gunzipSync(readFileSync(new URL(`../data/${name}.json.gz`, import.meta.url))).toString());
}

export interface SpecField {
  name: string;
  id: string;
  encoding: number;
  width: 16 | 32 | 64 | 'natural';
  type: 'control' | 'readonly' | 'guest' | 'host';
  access: 'full' | 'high';
  index: number;
  existsIf: string | null;
  kvm6_12Name: string | null;
}

export interface SpecControlWord {
  width: number;
  encoding: string;
  capabilityMsr: string[];
  default1Mask?: string;
  activatedBy?: string;
  bits: { bit: number; name: string; id: string }[];
}

export interface SpecVmcs {
  fieldCount: number;
  fields: SpecField[];
  controls: Record<
    'pin' | 'primary' | 'secondary' | 'tertiary' | 'exit' | 'exitSecondary' | 'entry' | 'vmFunction',
    SpecControlWord
  >;
  exitReasons: { number: number; name: string; kvmName: string | null }[];
  exitReasonsReserved: number[];
  capabilityMsrs: { msr: string; name: string }[];
  guestInterruptStatus: { encoding: string };
  interruptibilityState: { encoding: string; bits: Record<string, string> };
  activityState: { encoding: string; values: Record<string, string> };
  eventInfoFormat: { types: Record<string, string> };
}

/** What the sources say about the VMCS: fields, controls, exit reasons, capability MSRs. */
export const specVmcs = load('vmcs') as SpecVmcs;
