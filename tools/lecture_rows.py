"""What the lectures state, one row a statement: the text of docs/lectures.md.

The tests that show a row carry its id as a mark, `@pytest.mark.lecture("T1.A1")`, and are found by
`tools/docs_lectures.py`. A row without a test says `later`: what is missing, or `context`: why
there is nothing to test. A row with tests may say `later` too, for the part that they leave out.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A statement, and what does it in Pellucid."""

    says: str
    api: str
    later: str = ""
    context: str = ""


SECTIONS: dict[str, dict[str, Row]] = {
    "A. Linear and generalised linear models": {
        "T1.A1": Row(
            "The perceptron with linear output is y = wᵀx + w₀: one product and one sum.",
            "`nn.Dense(1)`",
        ),
        "T1.A2": Row(
            "With a logistic output, y = σ(wᵀx + w₀), it is logistic regression.",
            '`nn.Dense(1, "sigmoid")`, `loss="binary_cross_entropy"`, `nn.L2`',
        ),
        "T1.A3": Row(
            "Several classes have one output each: y_k = Σ w_ki x_i for i = 0 … D. With x₀ = 1 "
            "the bias is one more weight.",
            "`nn.Dense(K)`, `use_bias=`",
        ),
        "T1.A4": Row(
            "With logistic outputs, y_k = σ(Σ w_ki x_i), the K classes are independent yes-or-no "
            "questions, and a point may have several labels.",
            '`nn.Dense(K, "sigmoid")`, `loss="binary_cross_entropy"`',
        ),
        "T1.A5": Row(
            "The same network with squared loss is linear regression of several targets: it ends "
            "at the least-squares solution.",
            '`nn.Dense(K)`, `loss="squared"`',
        ),
        "T1.A6": Row(
            "A fixed mapping φ before the weights, y_k = Σ w_kj φ_j(x), makes a linear model "
            "solve more: x₁·x₂ as a feature solves XOR.",
            "`nn.Polynomial`, `nn.RBF`, `nn.Basis`",
        ),
        "T1.A7": Row(
            "Softmax regression is a network of one layer: p_i = e^{z_i} / Σ e^{z_j}, which add "
            "up to 1. For 784 pixels and 10 classes it has 784·10 + 10 = 7,850 parameters.",
            '`nn.Dense(10)`, `loss="cross_entropy"`, `model.count_params()`',
        ),
        "T1.A8": Row(
            "Linear regression with an L2 penalty, J = MSE + (λ/2)·θᵀθ, is ridge regression and "
            "has a closed form.",
            '`loss="squared"`, `regularizer=nn.L2(λ)`',
        ),
        "T1.A9": Row(
            "Logistic regression by batch gradient: θ ← θ + η Σ (y - σ(θᵀx)) x. The gradient "
            "worked out by hand is the automatic one.",
            '`pel.grad`, `optim.SGD`, `fit(batch_size="all")`',
        ),
        "T1.A10": Row(
            "Rosenblatt's network of 1958 with NI inputs, NH hidden and NO output units: zH = "
            "WH·x + bH, uH = sign(zH), zO = WO·uH + bO, uO = 1 where zO > λ. Its gradient is 0 "
            "almost everywhere. For regression the output is zO.",
            '`nn.Dense(NH, "sign")`, `nn.Activation("step")`, `pel.show`',
        ),
        "T1.A11": Row(
            "Four hyperplanes turn the points (0.2, 0.8), (0.5, 0.5) and (0.5, 1) into features "
            "in {-1, 1}⁴, from which a linear map makes 0 or 1.",
            '`nn.Dense(4, "sign")`, `pel.viz.features`; '
            "[the picture](gallery/hyperplane-features.svg)",
        ),
        "T1.A12": Row(
            "No line separates the four points of XOR: a linear model is wrong on 25 % of them at "
            "least.",
            "`nn.Dense(1)`",
        ),
        "T1.A13": Row(
            "The rules before backpropagation: Hebb's of the 1940s moves the weights by ηtx at "
            "every point, Rosenblatt's of the 1950s only at points on the wrong side.",
            '`loss="hebbian"`, `loss="perceptron"`, `optim.SGD(1.0)`',
        ),
    },
    "B. Support vector machines": {
        "T1.B1": Row(
            "The widest margin: max over w of min tᵢ(w·xᵢ)/‖w‖ is min ½‖w‖² subject to tᵢ(w·xᵢ) ≥ "
            "1, and the margin is 1/‖w‖. Where the classes are not separable there is none.",
            "`pel.svm.hard_margin`, `pel.svm.NotSeparableError`",
        ),
        "T1.B2": Row(
            "The soft margin: min ½‖w‖² + C Σ ξₙ subject to tₙy(xₙ) ≥ 1 - ξₙ and ξₙ ≥ 0.",
            '`pel.svm.soft_margin(form="slack")`, `pel.svm.SVC`',
        ),
        "T1.B3": Row(
            "The slack of a point is 0 on the right side of its margin line, else ξₙ = abs(tₙ - "
            "y(xₙ)), at the distance ξₙ/‖w‖ behind it; from ξₙ = 1 on it is misclassified.",
            "`.slack`, `.certificate`; [drawn](lectures/margin-slack.md)",
        ),
        "T1.B4": Row(
            "The six conditions of the optimum: a ≥ 0, μ ≥ 0, ξ ≥ 0, t·y - 1 + ξ ≥ 0, a(t·y - 1 + "
            "ξ) = 0, μξ = 0.",
            "`.multipliers`, `.slack_multipliers`, `.certificate.kkt`",
        ),
        "T1.B5": Row(
            "The dual: max Σ aₙ - ½ Σ aₙaₘtₙtₘ xₙ·xₘ subject to 0 ≤ aₙ ≤ C and Σ aₙtₙ = 0.",
            "`pel.svm.SVC`, `.certificate.dual`",
        ),
        "T1.B6": Row(
            "With a kernel in place of the products: y(x) = Σ aₙtₙ k(xₙ, x) + b.",
            "`pel.svm.SVC(kernel)`, `.dual_coef`, `.decision_function`",
        ),
        "T1.B7": Row(
            "Kernels: RBF, polynomials, the linear one, your own. Where the kernel matrix has full "
            "rank, any labels can be separated.",
            "`kernel=`, `.certificate.rank()`; [XOR, circles, spirals](lectures/kernels.md)",
        ),
        "T1.B8": Row(
            "Without constraints: min ½‖w‖² + C Σ [1 - tₙy(xₙ)]₊, or min (λ/2)‖w‖² + Σ [1 - "
            "tₙy(xₙ)]₊ with λ = 1/C. The three forms have one minimizer.",
            '`pel.svm.soft_margin`, `form=` "slack", "hinge" and "lambda"',
        ),
        "T1.B9": Row(
            "[x]₊ = max(x, 0) has no derivative at 0: the hinge is minimised by stochastic "
            "sub-gradients. It is convex, grows linearly for points far on the wrong side, and "
            "only rows below margin 1 have a say.",
            "`pel.svm.subgradient`, `.active`",
        ),
        "T1.B10": Row(
            "A large C makes the margin smaller and the support vectors fewer, a small C the "
            "margin larger and the support vectors more; for C → ∞ separable classes are "
            "separated.",
            "`C=`; [drawn](lectures/effect-of-c.md)",
        ),
        "T1.B11": Row(
            "Points with slack or on the margin are the support vectors, and only they are needed "
            "at prediction. Kernel logistic regression needs all points.",
            "`.support_vectors`, `pel.svm.KernelLogisticRegression`",
        ),
        "T1.B12": Row(
            "The machine's loss max(0, 1 - m) and the logistic loss ln(1 + e⁻ᵐ) of the margin m = "
            "t·y(x) are close: at -1, 0, 1, 2 they are 2, 1, 0, 0 and 1.3133, 0.6931, 0.3133, "
            "0.1269.",
            "`nn.Hinge`, `nn.Logistic`; [drawn](lectures/loss-curves.md)",
        ),
    },
    "C. Feed-forward networks": {
        "T1.C1": Row(
            "Two layers with any activations: y_k = g₂(Σ w_ki g₁(Σ w_ij x_j)), each layer with a "
            "bias. For d inputs, h hidden units and k outputs W₁ is h×d, W₂ is k×h.",
            "`pel.Sequential`, `nn.Dense(units, activation)`",
        ),
        "T1.C2": Row(
            "Such a network is U generalised linear models q_u = h(W_u x + b_u) and a linear one "
            "on top, y = W₂q + b₂; computing it by elements or by matrices gives the same.",
            "`pel.Sequential`, `set_weights`",
        ),
        "T1.C3": Row(
            "A network of L layers: q⁽ˡ⁾ = h(W⁽ˡ⁾q⁽ˡ⁻¹⁾ + b⁽ˡ⁾), and last ŷ = W⁽ᴸ⁾q⁽ᴸ⁻¹⁾ + b⁽ᴸ⁾.",
            "`pel.Sequential`, `pel.testing.check_grad`",
        ),
        "T1.C4": Row(
            "For M classes the last layer has W⁽ᴸ⁾ of M×U and b⁽ᴸ⁾ of M entries; the softmax of "
            "its output z are the probabilities g.",
            "`nn.Dense(M)`, `model.predict_proba`",
        ),
        "T1.C5": Row(
            "With points as the rows of a matrix, Q = h(XW₁ᵀ + b₁ᵀ), Y = QW₂ᵀ + b₂ᵀ gives the same "
            "as the points one by one.",
            "`model.predict`",
        ),
        "T1.C6": Row(
            "All parameters are one vector θ = [vec(W₁)ᵀ b₁ᵀ … vec(W_L)ᵀ b_Lᵀ]ᵀ, and it can be "
            "split up again.",
            "`get_weights`, `set_weights`, `model.params`",
        ),
        "T1.C7": Row(
            "784-200-10 has 784·200 + 200 + 200·10 + 10 = 159,010 parameters.",
            "`model.summary()`, `model.count_params()`",
        ),
        "T1.C8": Row(
            "Any number of layers with linear activations equals one matrix.",
            '`nn.Dense(units, "linear")`',
        ),
        "T1.C9": Row(
            "A linear hidden layer of r units is a matrix W = AB of rank r: an approximation with "
            "fewer parameters.",
            "`nn.LowRankDense(units, rank)`",
        ),
        "T1.C10": Row(
            "A maxout unit is the largest of several values of the previous layer; its gradient "
            "goes to the largest.",
            "`nn.Maxout`, `nn.Conv2D`",
        ),
        "T1.C11": Row(
            "Two ReLU units solve XOR with W = [[1, 1], [1, 1]], c = (0, -1), w = (1, -2), b = 0: "
            "the outputs are 0, 1, 1, 0, and both 1s share the feature (1, 0).",
            '`nn.Dense(2, "relu")`, `set_weights`; [the step printed](xor-step.md), '
            "[the features drawn](gallery/xor-features.svg)",
        ),
        "T1.C12": Row(
            "One hidden layer approximates any continuous function on a compact set; the error "
            "falls with the number of units.",
            '`nn.Dense(U, "tanh")`, `nn.Dense(U, "relu")`',
        ),
        "T1.C13": Row(
            "Layers need not form one fully connected chain, but a feed-forward network has no "
            "feedback: a cycle in the graph is refused.",
            "`pel.Model`, `pel.Input`, `nn.Add`, `nn.Concat`",
        ),
        "T1.C14": Row(
            "Learning features is learning the weights into the hidden units: step units give "
            "binary features, sigmoids values between 0 and 1.",
            '`nn.Dense(units, "step")`, `pel.viz.features`; '
            "[the picture](gallery/learned-features.svg)",
        ),
        "T1.C15": Row(
            "Flattening an image loses the positions of its pixels; layers made for images keep "
            "them: convolution and pooling.",
            "`nn.Conv2D`, `nn.MaxPool2D`, `nn.AveragePool2D`; LeNet-5's [0.94 % "
            "error](mnist/convolution.md) is below the 2 % of 784-200-10",
        ),
        "T1.C16": Row(
            "AlexNet: 5 convolutional layers, some with max-pooling, 3 full ones and a softmax of "
            "1000; about 60 million parameters (60,965,224 when counted) and 650,000 units "
            "(659,272).",
            "`pel.models.alexnet()`",
        ),
        "T1.C17": Row(
            "LeCun's zip-code network of 1989 maps a normalised image of a character to its "
            "class; sharing weights leaves 9,760 of them on 64,660 connections.",
            "`pel.models.lecun1989()`; trained on [MNIST's digits](mnist/convolution.md)",
        ),
    },
    "D. Activations and output units": {
        "T1.D1": Row(
            "The sigmoid σ(x) = 1/(1 + e⁻ˣ) has the derivative σ(1 - σ) and saturates on both "
            "sides.",
            '`"sigmoid"`, `pel.numpy.sigmoid`',
        ),
        "T1.D2": Row(
            "tanh is the activation of the hidden units in figures 5.3 and 5.4.", '`"tanh"`'
        ),
        "T1.D3": Row(
            "The ReLU max(0, z) is the default hidden unit; its gradient is 1 where it is active. "
            "At 0 it is 0 here.",
            '`"relu"`',
        ),
        "T1.D4": Row(
            "Threshold units: the Heaviside step H(x), sign(z), and 1 where z > λ.",
            '`"step"`, `"sign"`, `"step_straight_through"`, `"sign_straight_through"`',
        ),
        "T1.D5": Row("A linear output unit is the identity: ŷ = wᵀh + b.", "`nn.Dense(units)`"),
        "T1.D6": Row(
            "A softmax (multinoulli) is for exactly one class, a vector of sigmoids (Bernoulli) "
            "for any number: its outputs need not add up to 1.",
            '`loss="cross_entropy"`, `loss="binary_cross_entropy"`',
        ),
        "T1.D7": Row("The softplus ln(1 + eᶻ) is positive and smooth.", '`"softplus"`'),
        "T1.D8": Row(
            "A Gaussian output gives a mean and a variance; its loss is the negative "
            "log-likelihood.",
            "`nn.Gaussian`",
        ),
        "T1.D9": Row(
            "A Gaussian-mixture output has softmax weights, linear means and precisions 1/σ² by "
            "softplus; where one input has several answers it beats a single Gaussian.",
            "`nn.GaussianMixture(K)`",
        ),
    },
    "E. Losses and metrics": {
        "T1.E1": Row(
            "The squared error stands in two scalings: ½(y - t)², and (y - f)² with the gradient "
            "-2(y - f).",
            '`loss="half_squared"`, `loss="squared"`',
        ),
        "T1.E2": Row(
            "The binary cross-entropy of a logit y is -(t ln σ(y) + (1 - t) ln(1 - σ(y))).",
            '`loss="binary_cross_entropy"`',
        ),
        "T1.E3": Row(
            "From a probability p it is -t ln p - (1 - t) ln(1 - p), with dL/dp = -t/p + (1 - "
            "t)/(1 - p); with the sigmoid in front the derivative is p - t.",
            "`nn.ProbabilityBinaryCrossEntropy`",
        ),
        "T1.E4": Row(
            "The logistic loss ln(1 + e^(-yf)) for y in {-1, 1} is the binary cross-entropy with "
            "other labels.",
            '`loss="logistic"`',
        ),
        "T1.E5": Row(
            "The hinge loss is [1 - ty]₊ for t in {-1, 1}; other labels are refused.",
            '`loss="hinge"`',
        ),
        "T1.E6": Row(
            "The cross-entropy by indicators is -Σ I(t = k) ln softmax_k.", '`loss="cross_entropy"`'
        ),
        "T1.E7": Row(
            "From logits it is -z_y + ln Σ e^{z_j}, with the gradient dz_j = -I{y = j} + "
            "softmax_j.",
            '`loss="cross_entropy"`',
        ),
        "T1.E8": Row(
            "In general a loss is -ln p(y; X, θ); maximising f is minimising -f.",
            "`nn.NegativeLogLikelihood(log_prob)`",
        ),
        "T1.E9": Row(
            "Any differentiable objective with a regularizer will do: E = Σ L + λΩ.",
            "`compile(loss=function, regularizer=…)`",
        ),
        "T1.E10": Row(
            "The objective is a mean, J = 1/n Σ L, so that one learning rate serves every batch "
            "size.",
            "`model.compile`, `fit(batch_size=…)`",
        ),
        "T1.E11": Row(
            "Misclassification rate, accuracy, top-1 and top-5 error are measured on each "
            "minibatch and on the validation data.",
            "`compile(metrics=…)`, `pel.metrics`, `fit(validation_data=…)`",
        ),
    },
    "F. Regularisation and related techniques": {
        "T1.F1": Row(
            "The L2 penalty (λ/2)·‖w‖² has the gradient λw: θ ← (1 - ηλ)θ - η∇, which is weight "
            "decay. For Adam the two differ.",
            "`nn.L2(λ)`, `optim.AdamW`",
        ),
        "T1.F2": Row(
            "The L1 penalty, ½‖w‖₁ in the lectures, is the LASSO: weights become exactly 0.",
            "`nn.L1(λ/2)`",
        ),
        "T1.F3": Row(
            "An L2 penalty is a Gaussian prior on the weights; training finds the most probable "
            "ones (MAP).",
            "`nn.L2`",
        ),
        "T1.F4": Row(
            "Whether a penalty includes the biases is a choice that must be stated. Here it "
            "excludes them by default.",
            "`nn.L2(λ, biases=True)`",
        ),
        "T1.F5": Row(
            "Dropout in the full layers, as AlexNet has it, acts in training alone.",
            "`nn.Dropout(0.5)`",
        ),
        "T1.F6": Row("Batch normalisation is mentioned by name.", "`nn.BatchNorm`, `nn.LayerNorm`"),
        "T1.F7": Row(
            "Data augmentation is mentioned by name: shifted and rotated images are additional "
            "training images.",
            "`nn.RandomShift`, `nn.RandomRotation`, `nn.RandomZoom`, `nn.RandomFlip`, "
            "`nn.GaussianNoise`",
        ),
        "T1.F8": Row(
            "A regulariser lowers the error on new data, not that on the training data.",
            "`regularizer=nn.L2(λ)`",
        ),
        "T1.F9": Row(
            "Training stops when a criterion is fulfilled: a number of epochs, a gradient close "
            "to 0, no improvement for a while.",
            "`fit(epochs=…)`, `pel.EarlyStopping`, `pel.StopBelow`",
        ),
    },
    "G. Differentiation": {
        "T1.G1": Row(
            "Derivatives are limits: f(x + ε) ≈ f(x) + ε f′(x), for each variable separately.",
            "`pel.numerical_grad`",
        ),
        "T1.G2": Row(
            "The total derivative Σ dz/dy_i · dy_i/dx summed over all paths is exponential in the "
            "depth.",
            "`pel.grad`, which visits each node once",
        ),
        "T1.G3": Row(
            "Numerical differentiation needs several forward passes over the whole data set for "
            "each weight: horribly inefficient.",
            "`pel.numerical_grad`",
        ),
        "T1.G4": Row(
            "The simplest search: make small changes to w and accept those that improve E.",
            "`optim.Perturb`",
        ),
        "T1.G5": Row(
            "Backpropagation is dynamic programming: derivatives layer by layer, each computed "
            "once.",
            "`pel.grad`, `pel.show`",
        ),
        "T1.G6": Row(
            "The chain rule, for scalars and for several variables; where edges fan out, "
            "gradients add: dL/dx = Σ dL/df_i · df_i/dx.",
            "`pel.grad`, `Tensor.backward`",
        ),
        "T1.G7": Row(
            "y = x³, z = x², f = yz: df/dx = 5x⁴, which is 80 at x = 2.",
            "`Tensor.backward`, `pel.draw`; [drawn](gallery/two-powers.svg)",
        ),
        "T1.G8": Row(
            "With the Jacobian of y(x) the chain rule is ∇ₓz = (dy/dx)ᵀ ∇ᵧz.",
            "`pel.jacobian`, `pel.vjp`",
        ),
        "T1.G9": Row(
            "A node is two functions, forward and backward: its gradient is the output gradient "
            "times the local one. Your own takes at most ten lines.",
            "`pel.op`",
        ),
        "T1.G10": Row(
            "Each common function has a local gradient: that of a sum is 1, that of a product the "
            "other factor, and so on.",
            "`pel.grad`, `pel.show`",
        ),
        "T1.G11": Row(
            "The worked graph a = xy, b = a + z at x = 3, y = -5, z = 2: a = -15, b = -13; db/da "
            "= 1, db/dz = 1, db/dx = -5, db/dy = 3.",
            "`pel.show`, `pel.draw`, `Tensor.backward`; [drawn](gallery/product-and-sum.svg)",
        ),
        "T1.G12": Row(
            "Logistic regression, p = 1/(1 + e^-(w₀ + w₁x₁ + w₂x₂)), has the same gradient from "
            "scalar nodes and from one node σ.",
            "`pel.grad`, `pel.numpy.sigmoid`; drawn [by scalars]"
            "(gallery/logistic-regression-by-scalars.svg) and [with one node]"
            "(gallery/logistic-regression-with-sigma.svg); grouped by a click in "
            "[the inspector](inspector.md)",
        ),
        "T1.G13": Row(
            "The matrix graph of a network is its scalar graph at a coarser level.",
            "`pel.grad`, `pel.show`, `pel.draw`; [the step](gallery/two-layer-regression-step.svg)",
        ),
        "T1.G14": Row(
            "Reading a graph: which function is it? Three frames forward with the known nodes in "
            "green, three backward with the gradients in red; then every parameter has its "
            "gradient.",
            "`pel.viz.frames`; [a graph](gallery/which-function.svg); "
            "[a quiz](playground.md#exercises), `pellucid play --exercise which-function`",
        ),
        "T1.G15": Row(
            "Scalar backpropagation through 2-3-3-1, 25 parameters; z̄ is z before the sigmoid: "
            "dz/dW_fz = f s′(z̄), dz/df = W_fz s′(z̄), dz/df̄ = dz/df s′(f̄), dz/dW_cf = dz/df̄ "
            "c, dz/dc = a sum over f, g, h.",
            "`Tensor.backward`, `pel.grad`, `pel.draw`; "
            "[drawn](gallery/scalar-backpropagation.svg)",
        ),
        "T1.G16": Row(
            "By linear algebra δ̄ = s′(v̄)·δ, δ_i = W_iᵀ δ̄_{i+1}, and a matrix's gradient is an "
            "outer product. A gradient for one sample costs O(P) for P weights: O(km) for a k×m "
            "matrix.",
            "`pel.grad`",
        ),
        "T1.G17": Row(
            "The deltas of a network: dE/dz = g′(z) dE/dy, dE/dy_i = Σ w_ji dE/dz_j, dE/dw_ji = "
            "y_i dE/dz_j.",
            "`Tensor.backward`",
        ),
        "T1.G18": Row(
            "Algorithm 6.1, minibatch backpropagation for regression and classification: dW = "
            "1/n_b dZᵀQ, db = the mean of dZ.",
            "`pel.grad`, `model.fit`",
        ),
        "T1.G19": Row(
            "A two-layer regression written out: forward, backward, update, (6.23) to (6.27).",
            "`pel.grad`, `optim.SGD`; [its graph](gallery/two-layer-regression.svg)",
        ),
        "T1.G20": Row(
            "Figure 6.6: backpropagation reads the q and z that the forward pass has stored.",
            "`pel.show`, `pel.draw`, `model.training_graph`; "
            "[drawn](gallery/two-layer-regression.svg)",
        ),
        "T1.G21": Row(
            "The stored activations of every layer bound the memory of training.",
            "`model.training_graph`",
        ),
        "T1.G22": Row(
            "Gradients may not reach the early layers: each sigmoid shrinks them.", "`pel.grad`"
        ),
        "T1.G23": Row(
            "An exercise: derive the gradient of logistic regression from the rules of sum, "
            "chain, log, σ and dot product.",
            "`pel.explain`",
        ),
        "T1.G24": Row(
            "JAX's way, `grad(loss, (0, 1))(W, b)`, with the slip in its loss corrected.",
            "`pel.grad`",
        ),
    },
    "H. Optimisation": {
        "T1.H1": Row(
            "Gradient descent is θ ← θ - η∇E, since f(x - ε sign f′(x)) < f(x) for small ε.",
            "`optim.SGD`",
        ),
        "T1.H2": Row(
            "Batch, stochastic and minibatch learning take all rows, one row or a few random rows "
            "per step.",
            '`fit(batch_size="all")`, `fit(batch_size=1)`',
        ),
        "T1.H3": Row(
            "Online learning follows targets whose distribution shifts.",
            "`pellucid.sklearn.MLPClassifier.partial_fit`; [a line that "
            "turns](lectures/drifting-stream.md)",
        ),
        "T1.H4": Row(
            "Batches may start small and grow as training proceeds, at the same rate.",
            "`optim.GrowingBatch`",
        ),
        "T1.H5": Row(
            "In one dimension the best rate is (d²E/dw²)⁻¹: it reaches the minimum of a quadratic "
            "in one step; smaller is slow, more than twice that diverges.",
            "`pel.curvature`, `pel.hessian`, `optim.Newton`, `pel.rate_range`",
        ),
        "T1.H6": Row(
            "A network's Hessian is too large to compute; products with it are cheap, and give its "
            "largest eigenvalue.",
            "`pel.hvp`, `pel.curvature`",
        ),
        "T1.H7": Row(
            "Different parts of a network may learn at different rates.",
            "`compile(rates={layer: factor})`",
        ),
        "T1.H8": Row(
            "Correlated data make steepest descent slow; momentum and whitening help.",
            "`optim.SGD(rate, momentum=…)`",
        ),
        "T1.H9": Row(
            "Critical points, f′(x) = 0, are minima, maxima or saddles, local or global: where "
            "descent ends depends on where it starts.",
            "`pel.hessian`, `pel.grad`",
        ),
        "T1.H10": Row("The noise of SGD helps it out of local minima.", "`fit(batch_size=1)`"),
        "T1.H11": Row(
            "Weights start at random: uniform, Gaussian, Xavier, He, or simply small.",
            "`nn.Uniform`, `nn.Normal`, `nn.Xavier`, `nn.He`",
        ),
        "T1.H12": Row(
            "Adam(lr=0.001) and other built-in optimisers.",
            "`optim.Adam`, `optim.RMSprop`, `optim.Adagrad`, `optim.LBFGS`",
        ),
        "T1.H13": Row(
            "Learning rate and batch size are hyper-parameters: the validation error chooses.",
            "`optim.SGD(rate)`, `fit(batch_size=…)`, `model.evaluate`",
        ),
        "T1.H14": Row(
            "Optimisation with constraints: the margin of separable classes, with a multiplier for "
            "each constraint.",
            "`pel.svm.hard_margin`",
        ),
    },
    "I. Experiments": {
        "T1.I1": Row(
            "MNIST by softmax regression: 60,000 images to train, 10,000 to validate, pixels in "
            "[0, 1], rate 0.5, minibatches of 100, 15 epochs of 600 = 9,000 iterations. About 8 % "
            "error.",
            "[7.56 % over five seeds](mnist/README.md), `make experiments`",
        ),
        "T1.I2": Row(
            "784-200-10 with ReLU, the same setting: 2 % error; late minibatches are often "
            "classified without an error, 100 of 100: overfitting.",
            "[1.80 % over five seeds](mnist/README.md), `make experiments`",
        ),
        "T1.I3": Row(
            "Cost and error of every minibatch (blue) and of the 10,000 every 100 iterations "
            "(red): figures 6.7 and 6.8.",
            "`fit(validate_every=100)`, `model.history`; [the figures](mnist/README.md)",
        ),
        "T1.I4": Row(
            "Figure 5.3: 3 tanh units and a linear output fit x², sin x, abs(x) and H(x) from 50 "
            "points, uniform in (-1, 1). Here: root mean square error below 0.005, for abs(x) "
            "0.03.",
            '`nn.Dense(3, "tanh")`, `optim.LBFGS`, `fit(batch_size="all")`; '
            "[figure](lectures/curves.md)",
        ),
        "T1.I5": Row(
            "Figure 5.4: 2 inputs, 2 tanh units and a sigmoid separate two classes of known "
            "densities. Here: within 1 % of the optimal boundary's error, for the densities of "
            "the test.",
            '`nn.Dense(2, "tanh")`, `nn.Dense(1, "sigmoid")`; [figure](lectures/boundary.md)',
        ),
        "T1.I6": Row(
            "XOR learnt from random starts. Here, of 20: 2 tanh units solve 6 to 14, 8 units all, "
            "from Xavier's start and from a Gaussian one.",
            "`nn.Xavier`, `nn.Normal(1.0)`",
        ),
        "T1.I7": Row(
            "30 epochs of a Keras program: hidden sigmoid units, a softmax, Adam at 0.001, "
            "batches of 100, validation data; it leaves curves of loss and accuracy. Here: the "
            "bundled digits, above 90 %.",
            "`Sequential.add`, `compile`, `fit`, `hist.history`",
        ),
        "T1.I8": Row(
            "ImageNet, 1.2 million images of 1000 classes (in all 14,197,122 images of 21,841 "
            "synsets). Winner of 2010: 0.28191 flat error, 2.1144 hierarchical. 2012: 0.15315 "
            "with extra data, 0.16422 without, the next, ISI, 0.26172. AlexNet on 2010's data: "
            "top-1 37.5 %, top-5 17.0 %; in 2012 15.3 % against 26.2 %.",
            "–",
            context="numbers of the lecture; weeks of training on a CPU, not repeated here",
        ),
        "T1.I9": Row(
            "LeCun's network on zip-code digits; the lecture gives no number, the paper 5.0 % "
            "error.",
            "`pel.models.lecun1989()`; the zip codes are not at hand: on as many of MNIST's "
            "digits [5.91 %](mnist/convolution.md), `make convolution`",
            later="the error; the test counts the weights, `make convolution` trains them",
        ),
        "T1.I10": Row(
            "How many hidden units does this data set need?",
            "`pellucid play --exercise hidden-units`; [an exercise](playground.md#exercises) that "
            "trains networks to check the answer",
        ),
        "T1.I11": Row(
            "The effect of C on a support vector machine, and how one outlier moves a hard margin.",
            "`pel.svm.soft_margin`, `pel.svm.hard_margin`; [C](lectures/effect-of-c.md), [an "
            "outlier](lectures/outlier.md)",
        ),
        "T1.I12": Row(
            "Batch, stochastic and minibatch learning compared: the loss over time.",
            "`fit(batch_size=…)`; [on MNIST](lectures/batch-sizes.md)",
        ),
    },
    "J. Systems, figures and labs": {
        "T1.J1": Row(
            "A system of automatic differentiation: a node knows its value forward and its "
            "gradient backward, and layers of any kind are made of nodes.",
            "`pel.grad`, `pel.Tensor`, `pel.op`, `nn`",
        ),
        "T1.J2": Row(
            "A playground in the browser, in which a small network is built and trained "
            "(TensorFlow Playground is named).",
            "`pellucid play`, `pel.play`; [the playground](playground.md)",
        ),
        "T1.J3": Row(
            "`grad` as JAX has it. `Sequential`, `add`, `compile(optimizer, loss, metrics)` and "
            "`fit(epochs, batch_size, validation_data)`, which returns a history, as in Keras.",
            "`pel.grad`, `pel.Sequential`",
        ),
        "T1.J4": Row(
            "Tools that track training, and diagrams of an architecture: its variables, kinds of "
            "connections, layers and their relative sizes.",
            '`pel.draw(model, view="blocks")`, `pel.draw(history)`; '
            "[LeNet-5](gallery/lenet-blocks.svg); a run seen while it trains: `pel.Play()` and "
            "[the playground](playground.md)",
        ),
        "T1.J5": Row(
            "Diagrams of networks: units and links with biases and activations hidden or shown, "
            "stacked layers, matrix notation; f = ax + by + cz is one unit with three links.",
            '`pel.draw(model, view="units")`, `view="matrices"`; '
            "[a network](gallery/units-and-links.svg)",
        ),
        "T1.J6": Row(
            "Figures: three activations; 0/1, hinge, squared and logistic errors; level lines of "
            "L1 and L2 with the error, and the combined surface; convex and other surfaces; slopes "
            "of the chain rule; a decision boundary and a margin.",
            "`pel.viz.plot`, `contours`, `surface`, `boundary`; [the gallery](gallery/README.md)",
        ),
        "T1.J8": Row(
            "The nerve cell: dendrites, axon, synapses that excite or inhibit, an action potential "
            "that is all or none; and the history from Hebb over Rosenblatt, backpropagation in "
            "1985 and support vector machines in 1995 to AlexNet in 2012.",
            "`pel.viz.neuron`, `pel.viz.timeline`; [the cell](gallery/nerve-cell.svg)",
        ),
        "T1.J9": Row(
            "Lab 5: a soft-margin support vector machine and logistic regression with an L2 "
            "penalty, both by first-order methods on a large problem.",
            "`pel.svm.subgradient`; [on 200,000 rows](lectures/svm-logistic.md)",
        ),
    },
    "K. Errors and inconsistencies of the lectures, and the version used here": {
        "T1.K.example-6.1": Row(
            "Example 6.1 prints 784·200 + 200·200 + 200·10 + 10 = 159,010; that sum is 198,810. "
            "For 159,010 the second term is 200, the biases.",
            "`model.count_params()`",
        ),
        "T1.K.equation-6.16b": Row(
            "(6.16b) adds b⁽¹⁾ in layer L - 1; it must be b⁽ᴸ⁻¹⁾.", "`pel.Sequential`"
        ),
        "T1.K.algorithm-6.1": Row(
            "Line 13 of Algorithm 6.1 uses j twice; the denominator sums over k. Lines 10 and 13 "
            "omit 1/n_b, lines 18 and 19 have it.",
            "`pel.grad`, `nn.CrossEntropy`",
        ),
        "T1.K.squared-or-half": Row(
            "One lecture has (y - f)², two have ½(y - t)²: two names.",
            '`loss="squared"`, `loss="half_squared"`',
        ),
        "T1.K.l2-half": Row(
            "A slide goes from NLL + λθᵀθ to the factor 1 - ηλ; that holds for (λ/2)·θᵀθ.",
            "`nn.L2(λ)`",
        ),
        "T1.K.ascent": Row(
            "A slide of SGD adds η∇ ln p: ascent on the log-likelihood, which is descent on its "
            "negative.",
            "`optim.SGD`",
        ),
        "T1.K.mixture-precision": Row(
            "Softplus makes the precision 1/σ² of a mixture positive, not σ.",
            "`nn.GaussianMixture`",
        ),
        "T1.K.l1-half": Row(
            "The lectures' L1 is ½‖w‖₁; ours and most libraries' is ‖w‖₁: their λ is our λ/2.",
            "`nn.L1(λ/2)`",
        ),
        "T1.K.slack": Row(
            "A slide omits the formula of its conditions, and prints the slack as abs(t·y(x)); it "
            "is abs(t - y(x)).",
            "`.slack`",
        ),
        "T1.K.numerical-kept": Row(
            "One lecture counts numerical differentiation among three approaches, another omits "
            "it: here it is included.",
            "`pel.numerical_grad`",
        ),
        "T1.K.delta-shape": Row(
            "Δ_i is printed as v_i δ′_{i+1}; with the shape of W_i it is δ̄_{i+1} v_iᵀ.",
            "`pel.grad`",
        ),
        "T1.K.jax-snippet": Row(
            "The JAX loss prints preds·targets + (1 - preds); it must be preds·targets + (1 - "
            "preds)·(1 - targets), summed by `jnp.sum`.",
            "`pel.grad`, `pellucid.numpy`",
        ),
        "T1.K.adam-lr": Row(
            "The Keras program writes Adam(lr=…) and input_shape=; Keras 3 refuses `lr`, "
            "TensorFlow 2.11 ignored it with a warning. Here both work.",
            "`optim.Adam(lr=0.001)`, `nn.Dense(input_shape=…)`",
        ),
        "T1.K.layers-from-1": Row(
            "θ is [W₀ … W_l] on one slide and W₁ … W_l on another: layers are counted from 1.",
            "`model.parameters()`",
        ),
        "T1.K.turing-award": Row(
            "The “2019 Turing award” is the award of 2018, presented in 2019.",
            "–",
            context="a date: nothing to compute",
        ),
        "T1.K.svm-c": Row(
            "½‖w‖² + C Σ ξ in one lecture, ‖b‖² + C Σ ε in another: the same C differs by a "
            "factor of 2. Here the first holds: C of the second is 2C.",
            "`C=`",
        ),
        "T1.K.penalty-not-divided": Row(
            "A minibatch slide has (λ/N)·Ω; our objective is the mean loss + (λ/2)·‖w‖²: λ is "
            "not divided by N.",
            "`nn.L2(λ)`",
        ),
        "T1.K.snippet-imports": Row(
            "The Keras and JAX programs are printed without imports; with ours the rest of the "
            "Keras program runs unchanged.",
            "`from pellucid import Sequential`, `import pellucid.numpy as jnp`",
        ),
    },
}

ROWS = {name: row for section in SECTIONS.values() for name, row in section.items()}
