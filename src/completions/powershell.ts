import type { CompletedFlag, CompletionModel } from './model';

/** For Windows PowerShell 5.1 and later. */
export function powershellScript(model: CompletionModel): string {
  const commands = model.commands.map(
    ({ name, description, operand, flags }) => `    ${quoted(name)} = @{
      Text = ${quoted(description)}
      Operands = @(${(operand?.choices ?? []).map(quoted).join(', ')})
      Flags = @(
${flags.map((flag) => `        ${flagOf(flag)}`).join('\n')}
      )
    }`,
  );
  return `# Completions of ${model.program} for PowerShell. Load them with:
#   ${model.program} completions powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName ${quoted(model.program)} -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $commands = [ordered]@{
${commands.join('\n')}
  }
  $valueFlags = @(${model.valueFlags.map(quoted).join(', ')})
  $before = @($commandAst.CommandElements | Select-Object -Skip 1 |
    Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
  $words = @()
  $waiting = ''
  foreach ($word in $before) {
    if ($waiting) { $waiting = ''; continue }
    if ($valueFlags -contains $word) { $waiting = $word; continue }
    if (-not $word.StartsWith('-')) { $words += $word }
  }
  $name = ${quoted(model.standard)}
  if ($words.Count -gt 0) { $name = $words[0] }
  if (-not $commands.Contains($name)) { return }
  $command = $commands[$name]
  $found = @()
  if ($waiting) {
    $flag = $command.Flags | Where-Object { $_.Name -eq $waiting } | Select-Object -First 1
    if ($flag) { $found = @($flag.Choices | ForEach-Object { @{ Name = $_; Text = $_ } }) }
  } elseif ($wordToComplete.StartsWith('-')) {
    $found = @($command.Flags)
  } elseif ($words.Count -eq 0) {
    $found = @($commands.Keys | ForEach-Object { @{ Name = $_; Text = $commands[$_].Text } })
  } elseif ($words.Count -eq 1) {
    $found = @($command.Operands | ForEach-Object { @{ Name = $_; Text = $_ } })
  }
  $found | Where-Object { $_.Name -like "$wordToComplete*" } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_.Name, $_.Name, 'ParameterValue', $_.Text)
  }
}
`;
}

function flagOf({ name, description, choices }: CompletedFlag): string {
  return `@{ Name = ${quoted(`--${name}`)}; Text = ${quoted(description)}; Choices = @(${choices.map(quoted).join(', ')}) }`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
