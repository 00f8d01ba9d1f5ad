# SPDX-License-Identifier: Apache-2.0
# Proofs of RTL modules. tools/formal says which and how.

.PHONY: formal
formal: ## prove the properties of RTL modules (PROVE="wake fifo" some of them); JUnit XML in build/junit
	@tools/deps.sh formal
	@exec tools/formal --junit build/junit/formal $(PROVE)
