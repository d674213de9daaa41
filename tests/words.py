"""Words to make different texts of."""

# fmt: off
WORDS = [
    "parcel", "invoice", "blender", "tuesday", "window", "refund", "courier", "lamp",
    "battery", "garden", "seven", "broken", "ladder", "kettle", "address", "violet",
    "market", "captain", "signal", "harbour", "picture", "mountain", "button", "ribbon",
    "candle", "forest",
]
# fmt: on
