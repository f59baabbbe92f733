import { bashScript } from '../completions/bash';
import { fishScript } from '../completions/fish';
import { type CompletionModel, completionModel } from '../completions/model';
import { powershellScript } from '../completions/powershell';
import { zshScript } from '../completions/zsh';
import { EXIT } from '../contracts/outcome';
import { completionsDocument, jsonText, type Tool } from '../report/document';
import type { Answer } from './answer';
import { COMMANDS, OFFERED, type Offer } from './arguments';

export type Shell = (typeof COMMANDS)['completions']['operand']['choices'][number];

const SCRIPTS: Readonly<Record<Shell, (model: CompletionModel) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
  powershell: powershellScript,
};

/** `ao-migrate completions SHELL`: a script made from the table of arguments. The gate lets no other shell through. */
export function completions(operand: string | null, json: boolean, tool: Tool, offer: Offer = OFFERED): Answer {
  const shell = COMMANDS.completions.operand.choices.find((each) => each === operand);
  if (shell === undefined) throw new Error('the gate lets only known shells through');
  const script = SCRIPTS[shell](completionModel(offer));
  const stdout = json ? jsonText(completionsDocument({ status: 'ok', shell, script, refusal: null }, tool)) : script;
  return { exitCode: EXIT.done, stdout, stderr: '' };
}
