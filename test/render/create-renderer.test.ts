import { describe, expect, it } from 'vitest';
import { createRenderer } from '../../src/render/create-renderer.js';
import { makeInstance, makeTemplate } from './support.js';

describe('a renderer', () => {
  const template = makeTemplate({ 'files/a.txt.mustache': '{{slug}} {{values.x}}' });

  it('gives what it has rendered before, for the same template and view', () => {
    const { render } = createRenderer();
    const first = render(template, makeInstance({ values: { x: 1 } }));
    expect(render(template, makeInstance({ values: { x: 1 }, suspend: true, source: { file: 'b', line: 9 } }))).toBe(
      first,
    );
    expect(render(template, makeInstance({ values: { x: 2 } }))).not.toBe(first);
    expect(render(template, makeInstance({ values: { x: 1 }, registered: true }))).not.toBe(first);
    const other = makeTemplate({ 'files/a.txt.mustache': '{{slug}} {{values.x}}', 'files/b': '' });
    expect(render(other, makeInstance({ values: { x: 1 } }))).not.toBe(first);
  });

  it('forgets the least recently used beyond its bound', () => {
    const { render } = createRenderer({ maxBytes: 5000 });
    const instance = (x: number) => makeInstance({ values: { x: 'y'.repeat(300) + x } });
    const first = render(template, instance(1));
    const second = render(template, instance(2));
    expect(render(template, instance(1))).toBe(first);
    render(template, instance(3));
    expect(render(template, instance(1))).toBe(first);
    expect(render(template, instance(2))).not.toBe(second);
  });

  it('does not remember failures', () => {
    const { render } = createRenderer();
    expect(() => render(template, makeInstance())).toThrow('acme does not render');
    expect(() => render(template, makeInstance())).toThrow('acme does not render');
  });
});
