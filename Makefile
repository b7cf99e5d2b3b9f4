# make app: everything a user needs.  make test: everything a developer must see green.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: app setup test lint clean

app: setup
	$(BIN)/python app.py $(ARGS)

setup: $(VENV)/.installed

# All cores first, then the browser's tests alone, whose pages must not wait for the others; 5: none to run.
test: $(VENV)/.tested
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not browser" $(ARGS) || test $$? -eq 5
	$(BIN)/python -m pytest -m browser $(ARGS) || test $$? -eq 5

lint: $(VENV)/.tested
	$(BIN)/ruff check .

$(VENV)/.installed: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.tested: $(VENV)/.installed requirements-dev.txt
	$(BIN)/pip install -q --disable-pip-version-check -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV)
