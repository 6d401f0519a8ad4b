# %% [markdown]
# # How much of each bend does the lumbar spine take?
#
# A notebook in cells (`# %%`): open it in VS Code, Spyder or Jupyter (jupytext), or run it as it is. It makes its own data;
# with a session of yours put its folder in place of the arrays.

# %% Arrays of four sensors: time s, specific force m/s², angular rate rad/s, each in the sensor's own frame.
import numpy as np

from hiphinge import Samples, estimate
from virtual_athlete import to_plain

_, worn = to_plain("demo", seed=3)
arrays = {placement: Samples(s.time_s, s.acc, s.gyr) for placement, s in worn.items()}

# %% The calibration begins at 0 s: standing still, three bends, each knee twice.
result = estimate(arrays, "review", calibrate_s=0.0)
print(result.warnings or "nothing to remark")

# %% Angles at 100 Hz, in degrees, each with its standard uncertainty.
lumbar = result.angles["lumbar_flexion_deg"].to_numpy()
uncertainty = result.angles["lumbar_flexion_sd_deg"].to_numpy()
print(f"lumbar flexion up to {np.nanmax(lumbar):.0f} ± {uncertainty[np.nanargmax(lumbar)]:.1f} deg")

# %% Repetitions, with the part of the trunk's inclination that the lumbar spine has taken.
for repetition in result.repetitions.select(["movement", "start_s", "lumbar_rom_deg", "lumbar_share_of_trunk"]).to_pylist():
    print(
        "{movement:9} at {start_s:5.1f} s: lumbar {lumbar_rom_deg:3.0f} deg, share {lumbar_share_of_trunk:.2f}".format(
            **repetition
        )
    )

# %% Orientations as scipy's rotations, sensor to earth with z up: here, how far the pelvis has turned about the vertical.
time_s, pelvis = result.orientation("pelvis")
turn = (pelvis[-1] * pelvis[0].inv()).as_rotvec(degrees=True)
print(f"the pelvis sensor's heading changed by {turn[2]:.0f} deg in {time_s[-1] - time_s[0]:.0f} s")
