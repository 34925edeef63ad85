def pytest_configure(config):
    # a mark of Keras' own tests, which `test_keras_own.py` imports
    config.addinivalue_line("markers", "requires_trainable_backend: every backend here is one")
