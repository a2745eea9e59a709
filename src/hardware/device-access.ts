import { ExitReason } from '../arch/exit-reason.js';
import { shared } from '../engine/routine.js';
import { currentVcpu, hardware } from './machine.js';
import { vmExit } from './vm-exit.js';

const { instruction, stage } = hardware;

/**
 * IN and OUT, which exit from a guest that has no ports of its own. Qualification: size less one in bits 2:0, 1 for IN in bit 3, the port in bits 31:16.
 * SDM vol. 3C, "Exit Qualification for I/O Instructions".
 */
export const portAccess = instruction(
  'in-out',
  () => ({ port: 0, size: 4, input: 0 }),
  [],
  [
    stage('execute', 'instructionRetire', shared, (m, cpu, f) => {
      const qualification = ((f.port << 16) | (f.input << 3) | (f.size - 1)) >>> 0;
      vmExit(m, cpu, { kind: 'exit', reason: ExitReason.IoInstruction, qualification, trapLike: false });
    }),
  ],
);

/** A write to memory of a device, which EPT maps by entries that are misconfigured on purpose. `offset` is counted from the page of the APIC's registers. */
export const deviceWrite = instruction(
  'mov-to-device',
  () => ({ offset: 0x1000 }),
  [],
  [
    stage('execute', 'instructionRetire', shared, (m, cpu, f) => {
      const { exit } = currentVcpu(m, cpu);
      exit.access = 2;
      exit.offset = f.offset;
      vmExit(m, cpu, { kind: 'exit', reason: ExitReason.EptMisconfig, qualification: 0, trapLike: false });
    }),
  ],
);

/** WBINVD, which exits where the control "WBINVD exiting" says so, and INVD, which always does. SDM vol. 3C, "Instructions That Cause VM Exits Conditionally". */
export const cacheInvalidation = instruction(
  'wbinvd',
  () => ({ writeBack: 1 }),
  [],
  [
    stage('execute', 'instructionRetire', shared, (m, cpu, f) => {
      const reason = f.writeBack === 1 ? ExitReason.Wbinvd : ExitReason.Invd;
      vmExit(m, cpu, { kind: 'exit', reason, qualification: 0, trapLike: false });
    }),
  ],
);
