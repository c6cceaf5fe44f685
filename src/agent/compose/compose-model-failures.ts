import type { FailureRule } from './compose-failure-rule.js';

const LOOK_AT_ENV = 'Look at the variables that the compose file uses there, and at their values in .env.';

export const DOTENV_RULES: readonly FailureRule[] = [
  {
    pattern: /failed to read (?<file>.+?): line (?<line>\d+): unterminated quoted value/,
    code: 'EnvInvalid',
    message: '{file} has a quote that is never closed (compose gave up at line {line})',
    hint: 'Close the quote, or put the value in single quotes.',
  },
  {
    pattern: /failed to read (?<file>.+?): line (?<line>\d+): unexpected character/,
    code: 'EnvInvalid',
    message: 'line {line} of {file} has a name with a character that is not allowed',
    hint: 'Names hold letters, digits and underscores; a comment starts with #.',
  },
  {
    pattern: /failed to read (?<file>.+?): line (?<line>\d+):/,
    code: 'EnvInvalid',
    message: 'line {line} of {file} cannot be read',
  },
  { pattern: /^line (?<line>\d+): /m, code: 'EnvInvalid', message: 'line {line} of an env_file cannot be read' },
  {
    pattern: /^setenv: invalid argument/m,
    code: 'EnvInvalid',
    message: '.env has a line without a name, without a value, or with a NUL byte',
    hint: 'Write each line as NAME=value, the last one too.',
  },
  {
    pattern: /env file (?<file>.+?) not found/,
    code: 'EnvInvalid',
    message: 'the env_file {file} is not there',
    hint: 'Create it in the instance directory, or give it required: false in the compose file.',
  },
  {
    pattern: /^(?:error while interpolating \S+: )?required variable (?<variable>[A-Za-z_]\w*) is missing a value/m,
    code: 'EnvMissing',
    message: 'the compose file requires the variable {variable}, which has no value',
    hint: 'Set {variable} in the .env of the instance.',
  },
  {
    pattern: /^environment variable "(?<variable>[A-Za-z_]\w*)" required by .* is not set/m,
    code: 'EnvMissing',
    message: 'a secret or config takes the variable {variable}, which is not set',
    hint: 'Set {variable} in the .env of the instance.',
  },
];

export const VALUE_RULES: readonly FailureRule[] = [
  {
    pattern: /invalid interpolation format for (?<at>\S+?)\.?$/m,
    code: 'ComposeInvalid',
    message: '{at}: compose cannot read what follows a $',
    hint: 'Write $$ for a $ that is meant as it is.',
  },
  {
    pattern: /error while interpolating (?<at>\S+): failed to cast to expected type: invalid boolean: (?<value>.*)/,
    code: 'byValue',
    message: '{at} is not a boolean',
    hint: LOOK_AT_ENV,
  },
  {
    pattern:
      /error while interpolating (?<at>\S+): failed to cast to expected type: strconv\.\w+: parsing "(?<value>.*)"/,
    code: 'byValue',
    message: '{at} is not a number',
    hint: LOOK_AT_ENV,
  },
  {
    pattern: /error while interpolating (?<at>\S+): /,
    code: 'byValue',
    message: '{at} has a wrong value',
    hint: LOOK_AT_ENV,
  },
  {
    pattern: /error decoding '(?<at>[^']+)': time: \w+ \w+ (?:in duration )?"(?<value>.*)"/,
    code: 'byValue',
    message: '{at} is not a duration',
    hint: LOOK_AT_ENV,
  },
  {
    pattern: /error decoding '(?<at>[^']+)': invalid size: '(?<value>.*)'/,
    code: 'byValue',
    message: '{at} is not a size in bytes',
    hint: LOOK_AT_ENV,
  },
  { pattern: /error decoding '(?<at>[^']+)': /, code: 'byValue', message: '{at} has a wrong value', hint: LOOK_AT_ENV },
  {
    pattern:
      /^(?:invalid|no) (?:hostPort|containerPort|port range|proto|ip address|ranges|port)\b[^:]*: (?<value>.*)/im,
    code: 'byValue',
    message: 'a service has an entry under ports that is not a port',
    hint: LOOK_AT_ENV,
  },
  {
    pattern: /^invalid spec: (?<value>.*): (?:empty section between colons|too many colons|unknown option)/m,
    code: 'EnvInvalid',
    message: 'a service has an entry under volumes with an empty or unknown part',
    hint: LOOK_AT_ENV,
  },
];

export const MODEL_RULES: readonly FailureRule[] = [
  {
    pattern:
      /service "(?<name>[^"]*)" refers to undefined (?<kind>volume|network|config|secret) (?<value>.+?)(?:: invalid compose project)?$/m,
    code: 'byValue',
    message: 'service {name} uses {value}, which is not defined in the compose file',
    hint: 'Define it at the top level: volumes, networks, configs or secrets.',
  },
  {
    pattern: /service "(?<name>[^"]*)" depends on undefined service "?(?<value>[^":]+)"?/,
    code: 'byValue',
    message: 'service {name} depends on {value}, which is not defined or whose profile is not active',
  },
  {
    pattern: /dependency cycle detected: (?<cycle>.*)/,
    code: 'ComposeInvalid',
    message: 'services of the compose file depend on each other in a circle',
    hint: 'Break the circle in depends_on.',
  },
  {
    pattern: /service "(?<name>[^"]*)" has neither an image nor a build context/,
    code: 'ComposeInvalid',
    message: 'service {name} has neither image nor build',
  },
  {
    pattern: /cannot extend service "(?<name>[^"]*)" in (?<file>.+?): service "(?<other>[^"]*)" not found/,
    code: 'ComposeInvalid',
    message: 'service {name} extends {other}, which is not in {file}',
  },
  {
    pattern:
      /validating (?<file>.+?): (?<at>\S+) [Aa]dditional propert(?:y|ies) '?(?<key>[^'\s]+)'? (?:is )?not allowed/,
    code: 'ComposeInvalid',
    message: '{file}: {at} holds the unknown key {key}',
    hint: 'Look for a spelling mistake, or for a key that this version of compose does not know.',
  },
  {
    pattern: /validating (?<file>.+?): (?<at>\S+) (?:\k<at> )?(?<sentence>.*)/,
    code: 'ComposeInvalid',
    message: '{file}: {at} {sentence}',
  },
  {
    pattern: /yaml: (?:unmarshal errors:\s+)?line (?<line>\d+): (?<sentence>.*)/,
    code: 'ComposeInvalid',
    message: 'the compose file is not valid YAML: line {line}: {sentence}',
  },
  {
    pattern: /^yaml: (?<sentence>.*)/m,
    code: 'ComposeInvalid',
    message: 'the compose file is not valid YAML: {sentence}',
  },
  {
    pattern: /^empty compose file|Top-level object must be a mapping/m,
    code: 'ComposeInvalid',
    message: 'the compose file holds no services',
  },
  {
    pattern: /^(?:open|stat) (?<file>\S+): no such file or directory/m,
    code: 'ComposeInvalid',
    message: 'the file {file}, which the compose file names, is not there',
  },
  {
    pattern: /^no such service: (?<name>.*)/m,
    code: 'PlanStale',
    message: 'service {name} is not in the compose file',
  },
];
