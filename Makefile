# make test     everything that must hold: types, lint, unit tests, tests on a real engine (scripts/engine.sh brings it up)
# make bench    the measurements          make soak   a long run under churn
# make demo     a fleet to look at        make clean  remove what was built and started
.PHONY: setup build test lint bench soak demo clean

TEST_RESULTS := coverage/tests.json

setup: node_modules/.package-lock.json

# Not `npm ci`: it wants optional packages for other platforms in the lock file, which a registry need not carry.
node_modules/.package-lock.json: package-lock.json
	npm install --no-save
	touch $@

build: setup
	npm run build

test: setup
	npm run typecheck
	npm run lint
	npm test -- --reporter=default --reporter=json --outputFile.json=$(TEST_RESULTS)

lint: setup
	npm run lint

bench: setup
	scripts/engine.sh up
	eval "$$(scripts/engine.sh env)" && npm run bench

soak: setup
	scripts/engine.sh up
	eval "$$(scripts/engine.sh env)" && npm run soak

demo: setup
	npm run demo

clean:
	scripts/engine.sh down --purge
	rm -rf dist coverage .demo
