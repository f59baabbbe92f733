import { EXIT } from '../contracts/outcome';
import { aboutDocument, jsonText, type Tool } from '../report/document';
import type { Answer } from './answer';

/** `--help --json` with the help text and `--version --json` without: a caller that asks for JSON always gets it. */
export function about(command: 'help' | 'version', text: string | null, tool: Tool): Answer {
  return { exitCode: EXIT.done, stdout: jsonText(aboutDocument(command, text, tool)), stderr: '' };
}
