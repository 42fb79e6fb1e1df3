PYTHON ?= python3
run:   ; @$(PYTHON) -m devkit run $(ARGS)
test:  ; @$(PYTHON) -m devkit test $(ARGS)
chaos: ; @$(PYTHON) -m devkit chaos $(ARGS)
.PHONY: run test chaos
