PYTHON ?= python3
run:   ; @$(PYTHON) -m devkit run $(ARGS)
check: ; @$(PYTHON) -m devkit check $(ARGS)
test:  ; @$(PYTHON) -m devkit test $(ARGS)
chaos: ; @$(PYTHON) -m devkit chaos $(ARGS)
.PHONY: run check test chaos
