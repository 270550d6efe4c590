"""What differs between model servers that speak the same protocol; docs/models.md has the whole table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preset:
    """A kind of server: its name, the address that it listens on by default, and a hint for the form."""

    slug: str
    name: str
    base_url: str
    hint: str = ""


PRESETS = (
    Preset("vllm", "vLLM", "http://127.0.0.1:8000/v1", "The model's name is what --served-model-name says."),
    Preset("llamacpp", "llama.cpp", "http://127.0.0.1:8080/v1", "One model a server; any name is taken."),
    Preset("ollama", "Ollama", "http://127.0.0.1:11434/v1", "Set the window with OLLAMA_CONTEXT_LENGTH."),
    Preset("tgi", "TGI", "http://127.0.0.1:3000/v1", "The model's name is “tgi”."),
    Preset("lmstudio", "LM Studio", "http://127.0.0.1:1234/v1"),
    Preset("tensorrt", "TensorRT-LLM", "http://127.0.0.1:8000/v1"),
    Preset("tabby", "TabbyAPI (exLlamaV2)", "http://127.0.0.1:5000/v1", "Needs the key of api_tokens.yml."),
    Preset("mlc", "MLC LLM", "http://127.0.0.1:8000/v1"),
    Preset("textgen", "text-generation-webui", "http://127.0.0.1:5000/v1", "Start it with --api."),
    Preset("sglang", "SGLang", "http://127.0.0.1:30000/v1"),
    Preset("hosted", "A hosted service", "https://", "Runs elsewhere; needs a key."),
    Preset("other", "Another OpenAI-compatible server", "http://"),
)
BY_SLUG = {preset.slug: preset for preset in PRESETS}
