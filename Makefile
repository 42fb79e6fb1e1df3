PYTHON ?= python3
run:  ; @$(PYTHON) -m devkit run $(ARGS)
test: ; @$(PYTHON) -m devkit test $(ARGS)
.PHONY: run test
