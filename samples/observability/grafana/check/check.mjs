// SPDX-License-Identifier: Apache-2.0
// Lets the TypeScript compiler judge the dashboard as literals of the types that Grafana publishes: npm install && npm run check
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import ts from 'typescript';

const dashboard = JSON.parse(readFileSync(new URL('../dashboard.json', import.meta.url), 'utf8'));
const raw = '@grafana/schema/dist/esm/raw/composable';

// What the type of a dashboard leaves to each kind of panel.
const kinds = {
  stat: 'StatOptions',
  timeseries: 'TimeSeriesOptions',
  bargauge: 'BarGaugeOptions',
  'state-timeline': 'StateTimelineOptions',
};
const customs = { timeseries: 'TimeSeriesFieldConfig', 'state-timeline': 'StateTimelineFieldConfig' };

function source(of) {
  const literal = (name, type, value) => `const ${name}: Json<${type}> = ${JSON.stringify(value, null, 1)};`;
  const lines = [
    `import type { Dashboard } from '@grafana/schema';`,
    `import type { Options as StatOptions } from '${raw}/stat/panelcfg/x/StatPanelCfg_types.gen';`,
    `import type { Options as TimeSeriesOptions, FieldConfig as TimeSeriesFieldConfig } from '${raw}/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';`,
    `import type { Options as BarGaugeOptions } from '${raw}/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';`,
    `import type { Options as StateTimelineOptions, FieldConfig as StateTimelineFieldConfig } from '${raw}/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';`,
    // In JSON the member of an enumeration is its text.
    'type Json<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: Json<T[K]> } : T;',
    literal('dashboard', 'Dashboard', of),
  ];
  for (const panel of of.panels) {
    if (!kinds[panel.type]) {
      throw new Error(`no type is known for panels of the kind ${panel.type}`);
    }
    lines.push(literal(`options${panel.id}`, `Partial<${kinds[panel.type]}>`, panel.options));
    const custom = panel.fieldConfig.defaults.custom;
    if (custom) {
      lines.push(literal(`custom${panel.id}`, `Partial<${customs[panel.type]}>`, custom));
    }
  }
  return lines.join('\n');
}

function problems(of) {
  const text = source(of);
  const file = new URL('./dashboard.check.ts', import.meta.url).pathname;
  writeFileSync(file, text);
  try {
    const program = ts.createProgram([file], {
      noEmit: true,
      strict: true,
      skipLibCheck: true,
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      types: [],
    });
    return ts.getPreEmitDiagnostics(program).map((one) => {
      const line = one.file ? one.file.getLineAndCharacterOfPosition(one.start).line : 0;
      return `${text.split('\n')[line]}\n  ${ts.flattenDiagnosticMessageText(one.messageText, '\n  ')}`;
    });
  } finally {
    rmSync(file);
  }
}

// A check that cannot fail is none.
for (const spoil of [
  (d) => (d.panels[0].gridPos.h = 'high'),
  (d) => (d.panels[0].nonsense = true),
  (d) => (d.panels[0].options.textMode = 'loud'),
  (d) => (d.panels.find((p) => p.type === 'timeseries').fieldConfig.defaults.custom.drawStyle = 'dots'),
]) {
  const spoiled = structuredClone(dashboard);
  spoil(spoiled);
  if (problems(spoiled).length === 0) {
    console.error(`not noticed: ${spoil}`);
    process.exit(2);
  }
}

const found = problems(dashboard);
found.forEach((one) => console.error(one));
console.log(found.length === 0 ? `${dashboard.panels.length} panels, no problem` : `${found.length} problems`);
process.exit(found.length === 0 ? 0 : 1);
