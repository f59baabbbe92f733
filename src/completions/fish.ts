import { allFlags, type CompletedFlag, type CompletionModel, commandsWith } from './model';

export function fishScript(model: CompletionModel): string {
  const { program } = model;
  const commands = model.commands.map(
    ({ name, description }) =>
      `complete -c ${program} -n '__ao_migrate_needs_command' -a ${name} -d ${quoted(description)}`,
  );
  const operands = model.commands.flatMap(({ name, operand }) =>
    operand === null
      ? []
      : [
          `complete -c ${program} -n '__ao_migrate_is ${name}; and __ao_migrate_needs_operand' -a ${quoted(operand.choices.join(' '))}`,
        ],
  );
  return `# Completions of ${program} for fish. Load them with:  ${program} completions fish | source
function __ao_migrate_words
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case ${model.valueFlags.join(' ')}
                set skip 1
            case '-*'
            case '*'
                echo $word
        end
    end
end
function __ao_migrate_needs_command
    test (count (__ao_migrate_words)) = 0
end
function __ao_migrate_needs_operand
    test (count (__ao_migrate_words)) = 1
end
function __ao_migrate_is
    set -l words (__ao_migrate_words)
    set -l command ${model.standard}
    test (count $words) = 0; or set command $words[1]
    contains -- $command $argv
end
complete -c ${program} -f
${[...commands, ...operands, ...allFlags(model).map((flag) => flagLine(model, flag))].join('\n')}
`;
}

function flagLine(model: CompletionModel, flag: CompletedFlag): string {
  const { name, short, description, value, choices } = flag;
  const action = {
    none: '',
    choice: ` -x -a ${quoted(choices.join(' '))}`,
    file: ' -r -F',
    directory: " -x -a '(__fish_complete_directories)'",
    free: ' -x',
  }[value];
  const condition = `'__ao_migrate_is ${commandsWith(model, name).join(' ')}'`;
  const letter = short === null ? '' : ` -s ${short}`;
  return `complete -c ${model.program} -n ${condition} -l ${name}${letter}${action} -d ${quoted(description)}`;
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
