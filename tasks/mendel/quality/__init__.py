"""Quality gates: Great Expectations suites for corpus and pairs, published as Data Docs."""
