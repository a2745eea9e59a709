import type * as v from 'valibot';
import { InputError } from '../engine/errors.js';

/** `vms[0].pinning[1]` */
function pathOf(issue: v.BaseIssue<unknown>): string {
  let path = '';
  for (const item of issue.path ?? []) {
    path += typeof item.key === 'number' ? `[${item.key}]` : path === '' ? String(item.key) : `.${String(item.key)}`;
  }
  return path;
}

/** What is wrong, in words that do not need this file. */
function reasonOf(issue: v.BaseIssue<unknown>): string {
  const { expected, received, type } = issue;
  const requirement = 'requirement' in issue ? issue.requirement : undefined;
  const alternatives = (expected ?? '').replace(/^\(|\)$/g, '').replaceAll(' | ', ', ');
  if (type === 'strict_object' && expected === 'never') return 'is not a known key';
  if (type === 'strict_object' && received !== 'undefined' && issue.path === undefined) return 'is not an object';
  if (received === 'undefined') return 'is missing';
  switch (type) {
    case 'picklist':
    case 'literal':
    case 'variant':
      return `${received} is not one of ${alternatives}`;
    case 'integer':
      return `${received.replace('Invalid integer: Received ', '')} is not a whole number`;
    case 'safe_integer':
      return `${received} is not a whole number below 2^53`;
    case 'min_value':
      return `${received} is not ${String(requirement)} or more`;
    case 'max_value':
      return `${received} is not ${String(requirement)} or less`;
    case 'gt_value':
      return `${received} is not more than ${String(requirement)}`;
    case 'min_length':
    case 'max_length':
      return `has ${received} elements, not ${String(requirement)} or ${type === 'min_length' ? 'more' : 'fewer'}`;
    case 'string':
      return issue.message.startsWith('Invalid type') ? `${received} is not of the type ${expected}` : issue.message;
    default:
      return expected === null ? issue.message : `${received} is not of the type ${expected}`;
  }
}

/** What a schema found wrong, as an {@link InputError} with its path. */
export function issueError(issue: v.BaseIssue<unknown>): InputError {
  return new InputError(pathOf(issue), reasonOf(issue));
}
