import type { Profile } from './profile.js';
import { sapphireRapids } from './sapphire-rapids.js';

/** The profiles of the library by name. To add one: a file of numbers with their sources, and a line here. */
export const profiles: Readonly<Record<string, Profile>> = {
  [sapphireRapids.name]: sapphireRapids,
};
