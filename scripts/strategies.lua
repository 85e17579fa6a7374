-- Named strategies as compositions of parts. What one leaves free, the scenario may say itself.

define.strategy {
  name = "fedavg",
  doc = "Federated averaging: the mean of the hospitals' changes, weighted by their training rows.",
  paper = "McMahan et al. 2017, Communication-Efficient Learning of Deep Networks from Decentralized Data, Algorithm 1",
  params = {
    weighted = { default = true, doc = "by training rows; false: every hospital counts alike" },
  },
  build = function(p)
    -- the weighted mean is the default anyway: left free, so that a scenario can choose another rule
    if p.weighted then return compose {} end
    return compose { aggregation = aggregation.mean { weights = "equal" } }
  end,
}

define.strategy {
  name = "fedprox",
  doc = "Federated averaging with a pull towards the global model while hospitals train.",
  paper = "Li et al. 2020, Federated Optimization in Heterogeneous Networks, Algorithm 2",
  params = {
    mu = { default = 0.01, low = 0, doc = "strength of the pull" },
    adapt = { default = 0, low = 0, doc = "0: mu stays; else mu is where it begins, and by so much it grows when the loss that hospitals tell rose, and shrinks after `falls` falls in a row (section 5.3.2: 0.1)" },
    falls = { default = 5, whole = true, low = 1, doc = "falls of the loss in a row after which mu shrinks" },
  },
  build = function(p)
    return compose { objective = objective.proximal { mu = p.mu, adapt = p.adapt, falls = p.falls } }
  end,
}

define.strategy {
  name = "fedavgm",
  doc = "Federated averaging with momentum at the server.",
  paper = "Hsu, Qi, Brown 2019, Measuring the Effects of Non-Identical Data Distribution for Federated Visual Classification",
  params = {
    rate = { default = 1.0, low = 0, doc = "server learning rate" },
    momentum = { default = 0.9, low = 0, high = 1, doc = "share of the last step that is kept" },
  },
  build = function(p)
    return compose { server = server.sgd { rate = p.rate, momentum = p.momentum } }
  end,
}

-- Algorithm 2 of Reddi et al.: one shape, three second moments. The defaults are theirs; the rate,
-- which they tune for each task, is the middle of their grid.
local reddi = "Reddi et al. 2021, Adaptive Federated Optimization, Algorithm 2"

local function moments(beta1)
  return {
    rate = { default = 0.1, low = 0, doc = "server learning rate" },
    beta1 = { default = beta1, low = 0, high = 1, doc = "decay of the first moment" },
    beta2 = { default = 0.99, low = 0, high = 1, doc = "decay of the second moment" },
    tau = { default = 1e-3, low = 0, doc = "degree of adaptivity, added to the root" },
  }
end

local adagrad = moments(0.0)
adagrad.beta2 = nil

define.strategy {
  name = "fedadagrad",
  doc = "The server divides by the root of the sum of squared aggregates.",
  paper = reddi,
  params = adagrad,
  build = function(p)
    return compose { server = server.adagrad { rate = p.rate, beta1 = p.beta1, tau = p.tau } }
  end,
}

define.strategy {
  name = "fedadam",
  doc = "The server takes steps as Adam does, without bias correction.",
  paper = reddi,
  params = moments(0.9),
  build = function(p)
    return compose {
      server = server.adam { rate = p.rate, beta1 = p.beta1, beta2 = p.beta2, tau = p.tau },
    }
  end,
}

define.strategy {
  name = "fedyogi",
  doc = "As fedadam, but the second moment grows and shrinks by the size of one square.",
  paper = reddi,
  params = moments(0.9),
  build = function(p)
    return compose {
      server = server.yogi { rate = p.rate, beta1 = p.beta1, beta2 = p.beta2, tau = p.tau },
    }
  end,
}

define.strategy {
  name = "scaffold",
  doc = "Every local gradient is corrected by what the others' gradients are (control vectors), so that hospitals do not drift towards optima of their own. Control vectors travel too: twice the bytes.",
  paper = "Karimireddy et al. 2020, SCAFFOLD: Stochastic Controlled Averaging for Federated Learning, Algorithm 1",
  params = {
    update = { default = "difference", one_of = { "difference", "gradient" }, doc = "of a hospital's control vector: from the way its training went (option II), or by the gradient at the global model, one more pass over its data (option I)" },
    rate = { default = 1.0, low = 0, doc = "server learning rate" },
    weighted = { default = false, doc = "false: every hospital counts alike, as in the paper; true: by training rows" },
  },
  build = function(p)
    return compose {
      objective = objective.control_variates { update = p.update },
      aggregation = aggregation.mean { weights = p.weighted and "size" or "equal" },
      server = server.sgd { rate = p.rate },
    }
  end,
}

define.strategy {
  name = "feddyn",
  doc = "Each hospital's objective gets a pull towards the global model and a linear term that it learns, so that all agree only where their mean is least. Nothing more travels than in federated averaging.",
  paper = "Acar et al. 2021, Federated Learning Based on Dynamic Regularization, Algorithm 1",
  params = {
    alpha = { default = 0.01, low = 0, doc = "strength of the pull; the smaller, the further the server steps" },
    weighted = { default = false, doc = "false: every hospital counts alike, as in the paper; true: by training rows" },
  },
  build = function(p)
    return compose {
      objective = objective.dynamic { alpha = p.alpha },
      aggregation = aggregation.mean { weights = p.weighted and "size" or "equal" },
      server = server.sgd {},
    }
  end,
}

define.strategy {
  name = "fednova",
  doc = "Normalised averaging: an update is divided by the steps behind it, so that hospitals with more steps do not pull the model their way.",
  paper = "Wang et al. 2020, Tackling the Objective Inconsistency Problem in Heterogeneous Federated Optimization",
  params = {
    mu = { default = 0, low = 0, doc = "strength of a proximal pull while hospitals train; 0: none" },
    weighted = { default = true, doc = "by training rows; false: every hospital counts alike" },
  },
  build = function(p)
    return compose {
      -- as the authors' code counts: steps under a proximal term, else how often gradients count
      aggregation = aggregation.normalized {
        weights = p.weighted and "size" or "equal",
        effective = p.mu > 0 and "steps" or "accumulated",
      },
      objective = p.mu > 0 and objective.proximal { mu = p.mu } or nil,
    }
  end,
}

define.strategy {
  name = "ditto",
  doc = "Federated averaging, and at each hospital a model of its own that is pulled towards the global one; hospitals are scored with their own.",
  paper = "Li et al. 2021, Ditto: Fair and Robust Federated Learning Through Personalization, Algorithm 1",
  params = {
    lambda = { default = 1, low = 0, doc = "strength of the pull; 0: models of their own, large: the global one" },
  },
  build = function(p)
    return compose { personal = personal.ditto { lambda = p.lambda } }
  end,
}

define.strategy {
  name = "fine_tuning",
  doc = "Federated averaging; each hospital is scored with the global model after a little more training at home.",
  paper = "Wang et al. 2019, Federated Evaluation of On-device Personalization",
  params = {
    epochs = { default = 1, low = 0, doc = "epochs at home" },
  },
  build = function(p)
    return compose { personal = personal.fine_tuned { epochs = p.epochs } }
  end,
}

define.strategy {
  name = "fedbuff",
  doc = "No common rounds: whoever replied makes room for another hospital at once, and every `buffer` updates make a version, those from old versions counting less.",
  paper = "Nguyen et al. 2022, Federated Learning with Buffered Asynchronous Aggregation, Algorithm 1",
  params = {
    buffer = { default = 10, whole = true, low = 1, doc = "updates that make a version" },
    rate = { default = 1.0, low = 0, doc = "server learning rate" },
    staleness = { default = staleness.polynomial { a = 0.5 }, doc = "how much an update counts that comes from an old version" },
    weighted = { default = false, doc = "false: every update counts alike but for its staleness, as in the paper; true: by training rows" },
  },
  build = function(p)
    return compose {
      protocol = protocol.buffered { buffer = p.buffer, staleness = p.staleness },
      aggregation = aggregation.mean { weights = p.weighted and "size" or "equal" },
      server = server.sgd { rate = p.rate },
    }
  end,
}

define.strategy {
  name = "fedasync",
  doc = "No common rounds: every update that arrives is mixed into the model and makes a version, the less the older the version that it comes from.",
  paper = "Xie, Koyejo, Gupta 2019, Asynchronous Federated Optimization, Algorithm 1",
  params = {
    alpha = { default = 0.6, low = 0, high = 1, doc = "share of a fresh model in the next" },
    staleness = { default = staleness.polynomial { a = 0.5 }, doc = "how much of it is left to one from an old version" },
    mu = { default = 0.005, low = 0, doc = "strength of the pull towards the version that a hospital trains from (rho in the paper); 0: none" },
  },
  build = function(p)
    return compose {
      protocol = protocol.async { alpha = p.alpha, staleness = p.staleness },
      objective = p.mu > 0 and objective.proximal { mu = p.mu } or nil,
    }
  end,
}

define.strategy {
  name = "hierarchical",
  doc = "Federated averaging through regional aggregators: a region makes rounds of its own with its hospitals, and nothing but the model and its sums crosses its border.",
  paper = "Liu et al. 2020, Client-Edge-Cloud Hierarchical Federated Learning, Algorithm 1",
  params = {
    regional_rounds = { default = 1, whole = true, low = 1, doc = "rounds of a region in one of the server" },
  },
  build = function(p)
    return compose { protocol = protocol.hierarchical { regional_rounds = p.regional_rounds } }
  end,
}

define.strategy {
  name = "gossip",
  doc = "No server: every hospital trains a model of its own and mixes it with its neighbours'.",
  paper = "Lian et al. 2017, Can Decentralized Algorithms Outperform Centralized Algorithms? A Case Study for Decentralized Parallel Stochastic Gradient Descent, Algorithm 1",
  params = {
    graph = { default = "ring", one_of = { "ring", "complete", "regular", "matching", "exponential" }, doc = "who are neighbours" },
    degree = { default = 4, whole = true, low = 1, doc = "neighbours of each, of a regular graph" },
    exchange = { default = "average", one_of = { "average", "push_sum" }, doc = "push_sum where messages are lost or go one way" },
  },
  build = function(p)
    return compose {
      protocol = protocol.gossip {
        graph = p.graph, exchange = p.exchange, degree = p.graph == "regular" and p.degree or nil,
      },
    }
  end,
}

define.strategy {
  name = "cyclic",
  doc = "One model goes from hospital to hospital, each trains it and sends it on.",
  paper = "Chang et al. 2018, Distributed deep learning networks among institutions for medical imaging, cyclical weight transfer",
  params = {
    order = { default = "given", one_of = { "given", "shuffled" }, doc = "whose turn is next" },
  },
  build = function(p)
    return compose { protocol = protocol.cyclic { order = p.order } }
  end,
}

define.strategy {
  name = "swarm",
  doc = "Federated averaging without a server: in each round another hospital gathers the updates.",
  paper = "Warnat-Herresthal et al. 2021, Swarm Learning for decentralized and confidential clinical machine learning",
  params = {
    aggregator = { default = "rotating", one_of = { "rotating", "drawn" }, doc = "who aggregates in a round" },
  },
  build = function(p)
    return compose { protocol = protocol.swarm { aggregator = p.aggregator } }
  end,
}

define.strategy {
  name = "q_fedavg",
  doc = "Hospitals for which the model is bad count more, by the q-th power of the loss that they tell with their updates: the larger q, the more alike are the losses, and the larger their mean.",
  paper = "Li, Sanjabi, Beirami, Smith 2020, Fair Resource Allocation in Federated Learning, Algorithm 2",
  params = {
    q = { default = 1, low = 0, high = 100, doc = "0: federated averaging" },
    lipschitz = { default = 0, low = 0, doc = "how fast gradients change; 0: 1 / learning rate, as in the paper" },
    weighted = { default = true, doc = "by training rows, as the objective has it; false: every hospital counts alike" },
  },
  build = function(p)
    return compose {
      aggregation = aggregation.q_fair {
        q = p.q,
        lipschitz = p.lipschitz > 0 and p.lipschitz or nil,
        weights = p.weighted and "size" or "equal",
      },
    }
  end,
}

define.strategy {
  name = "afl",
  doc = "Agnostic federated learning: the model that is best for the worst mixture of hospitals. The server moves the mixture by the losses that hospitals tell with their updates.",
  paper = "Mohri, Sivek, Suresh 2019, Agnostic Federated Learning, figure 2 (which makes one step a round: training.sgd { steps = 1 })",
  params = {
    rate = { default = 0.1, low = 0, doc = "of the mixture: shares move by so much times a loss" },
  },
  build = function(p)
    return compose { aggregation = aggregation.agnostic { rate = p.rate } }
  end,
}

define.strategy {
  name = "fedper",
  doc = "The last layers of the model stay at each hospital, the others are averaged; a hospital trains all of them together and is scored with the shared ones and its own.",
  paper = "Arivazhagan, Aggarwal, Singh, Choudhary 2019, Federated Learning with Personalization Layers, Algorithm 1",
  params = {
    layers = { default = 1, whole = true, low = 1, doc = "how many layers stay, counted from the output" },
  },
  build = function(p)
    return compose { personal = personal.layers { keep = p.layers } }
  end,
}

define.strategy {
  name = "fedrep",
  doc = "As fedper, but a hospital first trains its head on the representation as it came, and then the representation with that head; heads stay, representations are averaged.",
  paper = "Collins, Hassani, Mokhtari, Shakkottai 2021, Exploiting Shared Representations for Personalized Federated Learning, Algorithm 1",
  params = {
    head_epochs = { default = 10, low = 0, doc = "epochs of the head in each training, as in the paper's experiments; those of the representation are training's" },
    layers = { default = 1, whole = true, low = 1, doc = "how many layers are the head, counted from the output" },
    weighted = { default = false, doc = "false: every hospital counts alike, as in the paper; true: by training rows" },
  },
  build = function(p)
    return compose {
      personal = personal.layers { keep = p.layers, alternate = p.head_epochs },
      aggregation = aggregation.mean { weights = p.weighted and "size" or "equal" },
    }
  end,
}

define.strategy {
  name = "fedbn",
  doc = "What normalises the layers stays at each hospital, with its statistics, and everything else is averaged: for hospitals that measure the same things on scales of their own. The model needs `norm`.",
  paper = "Li, Jiang, Zhang, Kamp, Dou 2021, FedBN: Federated Learning on Non-IID Features via Local Batch Normalization, Algorithm 1",
  params = {
    weighted = { default = false, doc = "false: every hospital counts alike, as in the paper; true: by training rows" },
  },
  build = function(p)
    return compose {
      personal = personal.layers { keep = "norm" },
      aggregation = aggregation.mean { weights = p.weighted and "size" or "equal" },
    }
  end,
}

define.strategy {
  name = "pfedme",
  doc = "Each hospital has a model of its own, held near the shared one by lambda/2 |v - w|^2; the shared one moves towards the own models, which hospitals are scored with. training says the rate of the own models and how many steps the shared one makes (R in the paper, 20 there).",
  paper = "Dinh, Tran, Nguyen 2020, Personalized Federated Learning with Moreau Envelopes, Algorithm 1",
  params = {
    lambda = { default = 15, low = 0, doc = "strength of the pull between both models" },
    inner = { default = 5, whole = true, low = 1, doc = "steps of the own model in each of the shared one (K)" },
    rate = { default = 0.005, low = 0, doc = "learning rate of the shared model at a hospital (eta)" },
    beta = { default = 1.0, low = 0, doc = "the server's step towards the mean" },
    weighted = { default = false, doc = "false: every hospital counts alike, as in the paper; true: by training rows" },
  },
  build = function(p)
    return compose {
      personal = personal.envelope { lambda = p.lambda, inner = p.inner, rate = p.rate },
      aggregation = aggregation.mean { weights = p.weighted and "size" or "equal" },
      server = server.sgd { rate = p.beta },
    }
  end,
}

define.strategy {
  name = "apfl",
  doc = "Each hospital is scored with a mixture of a model of its own and the shared one, and trains its own for the mixture; the shared one is that of federated averaging.",
  paper = "Deng, Kamani, Mahdavi 2020, Adaptive Personalized Federated Learning, Algorithm 1",
  params = {
    alpha = { default = 0.5, low = 0, high = 1, doc = "share of the own model; with adaptive: where it begins" },
    adaptive = { default = false, doc = "every hospital moves its alpha by a step of descent in each training, as the paper's adaptive variant" },
    weighted = { default = false, doc = "false: every hospital counts alike, as in the paper; true: by training rows" },
  },
  build = function(p)
    return compose {
      personal = personal.mixture { alpha = p.alpha, adapt = p.adaptive },
      aggregation = aggregation.mean { weights = p.weighted and "size" or "equal" },
    }
  end,
}

define.strategy {
  name = "moon",
  doc = "While a hospital trains, what the last hidden layer makes of its rows is drawn to what the global model makes of them, and away from what its last local model made of them. The model needs a hidden layer.",
  paper = "Li, He, Song 2021, Model-Contrastive Federated Learning, Algorithm 1",
  params = {
    mu = { default = 1, low = 0, doc = "weight of the contrastive loss; the paper chooses among 0.1, 1, 5 and 10" },
    temperature = { default = 0.5, low = 0, doc = "what cosines are divided by" },
  },
  build = function(p)
    return compose { objective = objective.contrastive { mu = p.mu, temperature = p.temperature } }
  end,
}
