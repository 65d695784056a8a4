"""A model, and how far it can be trusted: logistic regression on measurements of 569 breast tumours, judged by cross-validation.

Data: Breast Cancer Wisconsin (Diagnostic), W. Wolberg, W. Street and O. Mangasarian 1995, in scikit-learn.
Writes weights.tsv (each measurement's weight and its standard deviation over the folds) and roc.png.
"""

import numpy as np
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plot
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

data = load_breast_cancer()
weights, areas = [], []
figure, axes = plot.subplots(figsize=(5, 5))
for fold, (train, test) in enumerate(StratifiedKFold(5).split(data.data, data.target), 1):
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(data.data[train], data.target[train])
    chance = model.predict_proba(data.data[test])[:, 1]
    areas.append(roc_auc_score(data.target[test], chance))
    weights.append(model[-1].coef_[0])
    false, true, _ = roc_curve(data.target[test], chance)
    axes.plot(false, true, label=f"fold {fold}: {areas[-1]:.4f}")
    print(f"fold {fold}: area under the curve {areas[-1]:.4f}")
mean, deviation = np.mean(weights, axis=0), np.std(weights, axis=0)
with open("weights.tsv", "w") as table:
    table.write("measurement\tweight\tdeviation\n")
    for i in np.argsort(-abs(mean)):
        table.write(f"{data.feature_names[i]}\t{mean[i]:.3f}\t{deviation[i]:.3f}\n")
axes.set(xlabel="false positives", ylabel="true positives", title="Malignant or benign?")
axes.legend()
figure.tight_layout()
figure.savefig("roc.png", dpi=120, metadata={"Software": None})
print(f"mean area under the curve {np.mean(areas):.4f} over {data.data.shape[0]} tumours")
