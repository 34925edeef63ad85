"""Lists the pictures of each set of photographs in its package, with the name of their class."""

import csv
import io

import packages
from PIL import Image
from rcc import files_of

STAMPS = {  # class → folders of the package; "cartoon" and "toys" below them are drawn or toys
    "bird": ["animals/birds"],
    "christmas": ["seasonal/christmas"],
    "clothes": ["clothes"],
    "coin": [f"symbols/money/{of}" for of in ("canadian", "euro", "japanese", "us")],
    "fish": ["animals/fish", "animals/mammals/aquatic", "animals/shellfish"],
    "flower": ["plants/flowers"],
    "fruit": ["food/fruit", "food/nuts"],
    "household": ["household", "household/dishes"],
    "insect": ["animals/insects"],
    "mammal": ["animals/mammals", "animals/marsupials"],
    "music": ["hobbies/music"],
    "planet": ["space"],
    "roadsign": ["town/roadsigns"],
    "tool": ["household/tools", "household/arttools"],
    "tree": ["plants/trees"],
    "vegetable": ["food/vegetables", "food/spices"],
    "vehicle": ["vehicles", "military/vehicles"],
}
DRAWN = {"cartoon", "toys", "plastic"}

FOOD = {  # first letter of a picture's name → group of foods; groups of 2 to 4 pictures are out
    "A": "cereal",
    "B": "pulse",
    "C": "leafy vegetable",
    "D": "other vegetable",
    "E": "fruit",
    "F": "root",
    "G": "spice",
    "H": "nut or seed",
    "P": "sea fish",
    "Q": "shellfish",
    "R": "mollusc",
    "S": "freshwater fish",
    "T": "oil",
}

GRADES = {0: "intact", 1: "perhaps defective", 2: "probably defective", 3: "defective"}
EACH = 400  # pictures of a grade at most

TOPICS = {  # folder in an archive → class
    "categorization/resource/images/tools": "tools",
    "categorization/resource/images/renewable": "renewable energy",
    "categorization/resource/images/monuments": "monuments",
    "categorization/resource/images/fishes": "fish",
    "explore_monuments/resource": "monuments",
    "explore_world_animals/resource/animals": "animals",
    "erase/resource": "animals",
}


def stamps():
    """Photographs of single things, on white."""
    root = packages.folder("stamps") / "usr/share/tuxpaint/stamps"
    homes = {home: name for name, folders in STAMPS.items() for home in folders}
    for path in sorted(root.rglob("*.png")):
        inside = path.relative_to(root).parent
        if DRAWN.isdisjoint(inside.parts):
            near = next((p for p in (inside, *inside.parents) if p.as_posix() in homes), None)
            if near:
                yield Image.open(path), homes[near.as_posix()]


def food():
    """Photographs of raw foods, a food a picture, by their group in India's food tables."""
    for path in sorted((packages.folder("food") / "package/assets").glob("*.jpeg")):
        if path.name[0] in FOOD:
            yield Image.open(path), FOOD[path.name[0]]


def solar():
    """Electroluminescence photographs of solar cells, by the experts' grade of their defects."""
    root = packages.folder("solar") / "elpv_dataset/data"
    counts = dict.fromkeys(GRADES.values(), 0)
    with (root / "labels.csv").open() as table:
        for name, probability, _ in csv.reader(table, delimiter=" ", skipinitialspace=True):
            grade = GRADES[round(3 * float(probability))]
            counts[grade] += 1
            if counts[grade] <= EACH:
                yield Image.open(root / name), grade


def gcompris():
    """Photographs of animals, fish, monuments and energy where they are; tools on plain grounds."""
    root = packages.folder("gcompris") / "usr/share/gcompris-qt/rcc"
    for archive in sorted({topic.split("/")[0] for topic in TOPICS}):
        for name, content in sorted(files_of(root / f"{archive}.rcc").items()):
            topic = next((TOPICS[each] for each in TOPICS if f"/{each}/" in name), None)
            if name.endswith(".webp") and topic:
                yield Image.open(io.BytesIO(content)), topic
