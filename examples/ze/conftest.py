# A suite of ze-benchmarks names no models, and this one no judge: `pytest --bench examples` leaves it out. It runs
# where the command line names a judge, and models or the template.
def pytest_ignore_collect(collection_path, config):
    if collection_path.name != "suites":
        return None
    template = any(str(argument).endswith(".json5") for argument in config.args)
    return None if config.option.bench_judge and (config.option.bench_models or template) else True
