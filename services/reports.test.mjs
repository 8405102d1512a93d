// What the generated buildspec reports is what the services' tests write, so that CodeBuild finds it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');

for (const stage of ['dev', 'prod']) {
  for (const service of ['customer', 'employee']) {
    test(`${stage}: the report of ${service} is where its tests write it`, () => {
      const buildspec = read(`../templates/coffee/${stage}/${service}/buildspec.yml`);
      const [, folder, file] = /reports:\n +tests:\n +base-directory: "(\S+)"\n +files:\n +- "(\S+)"\n +file-format: JUNITXML/.exec(buildspec);
      assert.equal(folder, `services/${service}`);
      const { scripts } = JSON.parse(read(`${service}/package.json`));
      assert.ok(scripts.test.includes(`--test-reporter=junit --test-reporter-destination=${file} `));
      assert.match(scripts.test, /--experimental-test-coverage .*--test-reporter=lcov --test-reporter-destination=reports\/lcov\.info /);
      assert.ok(buildspec.includes(`(cd services/${service} && bash -eo pipefail -c 'npm ci && npm test')`));
    });
  }
}
