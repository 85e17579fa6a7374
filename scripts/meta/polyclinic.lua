---@meta
-- Generated from the schemas by `polyclinic docs --write`; do not edit.

---@class quantity
---@operator add(quantity): quantity
---@operator sub(quantity): quantity
---@operator mul(number): quantity
---@operator div(number): quantity
---@operator unm: quantity
---@class time: quantity
---@class data_size: quantity
---@class bandwidth: quantity
---@class speed: quantity
---@class fraction: quantity
---@class distribution
---@class moment
---@class file
---@class part
---@class none
---@class all

---@type none
none = nil
---@type all
all = nil

---A vector of numbers in native memory: parameters, updates and losses come as one. `+`, `-`, `*`, `/` and `^` go item by item, with a vec or list of the same length or with a number; `#v` is its length, `v[i]` an item from 1. What the engine hands out cannot be changed; `copy` can.
---@class vec
---@operator add(vec|number): vec
---@operator sub(vec|number): vec
---@operator mul(vec|number): vec
---@operator div(vec|number): vec
---@operator pow(vec|number): vec
---@operator unm: vec
---@operator len: integer
---@field [integer] number
local a_vec = {}
---The sum of its items.
---@return number
function a_vec:sum() end
---Their mean.
---@return number
function a_vec:mean() end
---Their median.
---@return number
function a_vec:median() end
---The largest.
---@return number
function a_vec:max() end
---The smallest.
---@return number
function a_vec:min() end
---The Euclidean norm.
---@return number
function a_vec:norm() end
---The inner product with a vec of the same length.
---@return number
function a_vec:dot(other) end
---The q-quantile, 0 to 1, linear between neighbours.
---@return number
function a_vec:quantile(q) end
---A new vec, ascending.
---@return vec
function a_vec:sorted() end
---A new vec that can be changed.
---@return vec
function a_vec:copy() end
---Item by item: the absolute value.
---@return vec
function a_vec:abs() end
---Item by item: the square root.
---@return vec
function a_vec:sqrt() end
---Item by item: the exponential.
---@return vec
function a_vec:exp() end
---Item by item: the natural logarithm.
---@return vec
function a_vec:log() end
---Items from first to last, both included; without last to the end.
---@return vec
function a_vec:slice(first, last) end
---What f returns for each item.
---@return vec
function a_vec:map(f) end
---The items as a Lua list.
---@return number[]
function a_vec:table() end

---The running world, as a timeline's functions get it.
---@class world
---@field hospital table<string, hospital> Hospitals by name, or by number from 1.
---@field hospitals string[] The names of all hospitals.
---@field network network Links that can be slowed down.
---@field region table<string, region> Regions by name.
---@field server server The server's machine.
---@field metric table<string, number?> The newest macro average of a metric: `world.metric.auroc`; nil before it is measured first. The run's output says that a script read it.
---@field time time Simulated time since the start.
---@field version integer The newest version of the model; 0 before the first round has closed.
local a_world = {}
---The data of all hospitals are other: an epidemic wave, a new code book.
function a_world:change(change) end
---A line of the output, as string.format makes it; a value that is nil is shown as -.
function a_world:note(format, ...) end
---Ends the run after what happens at this instant.
function a_world:stop(reason) end

---One hospital of a world: `world.hospital["name"]`, or by number from 1.
---@class hospital
---@field name string Its name.
---@field connected boolean Whether the timeline has left it connected; its own outages are not shown.
---@field participations integer How many of its updates were aggregated until now.
---@field takes_part boolean Whether it is one that may be invited.
local a_hospital = {}
---It takes part from the end of this instant on: one of the role "later", or one that left.
function a_hospital:join() end
---It takes part no more. What it is at ends at once; updates that arrived count.
function a_hospital:leave() end
---It leaves and is forgotten: what it keeps is erased, and the federation goes back to the last version that it had no part in and learns anew from there.
function a_hospital:forget() end
---It is down for that time: what it was doing is lost, whatever `interrupted` says.
function a_hospital:outage(time) end
---Its data are other from the end of this instant on: change.scanner, change.coding and their like. Trainings that have begun go on with the rows that they had.
function a_hospital:change(change) end
---Takes it off the network until reconnect.
function a_hospital:disconnect() end
---Ends disconnect.
function a_hospital:reconnect() end

---The hospitals of a region: `world.region["name"]`.
---@class region
local a_region = {}
---All its hospitals are down for that time: what they were doing is lost.
function a_region:outage(time) end
---The data of all its hospitals are other.
function a_region:change(change) end

---The server's machine: `world.server`.
---@class server
local a_server = {}
---It loses the round that is open with all that arrived for it, and goes on after that time with the newest version.
function a_server:crash(time) end

---The wires of a world: `world.network`.
---@class network
---@field server link The server's own link.
---@field link table<string, link> Links of `network.regions` and `network.mesh` by name.
local a_network = {}

---A link that many hospitals share: `world.network.server`, or `world.network.link["name"]`. Its rates can be set.
---@class link
---@field up bandwidth Towards the server.
---@field down bandwidth From the server.
local a_link = {}

---nanoseconds: the grain of simulated time
---@param x number
---@return time
function ns(x) end

---microseconds
---@param x number
---@return time
function us(x) end

---milliseconds, such as the latency of a link
---@param x number
---@return time
function ms(x) end

---seconds
---@param x number
---@return time
function seconds(x) end

---minutes of 60 seconds
---@param x number
---@return time
function minutes(x) end

---hours of 60 minutes
---@param x number
---@return time
function hours(x) end

---days of 24 hours
---@param x number
---@return time
function days(x) end

---weeks of 7 days
---@param x number
---@return time
function weeks(x) end

---bytes
---@param x number
---@return data_size
function B(x) end

---kilobytes of 1000 bytes
---@param x number
---@return data_size
function kB(x) end

---kibibytes of 1024 bytes
---@param x number
---@return data_size
function KiB(x) end

---megabytes of 1000 kB
---@param x number
---@return data_size
function MB(x) end

---mebibytes of 1024 KiB
---@param x number
---@return data_size
function MiB(x) end

---gigabytes of 1000 MB
---@param x number
---@return data_size
function GB(x) end

---gibibytes of 1024 MiB
---@param x number
---@return data_size
function GiB(x) end

---kilobits per second: 125 bytes per second
---@param x number
---@return bandwidth
function kbit(x) end

---kilobytes per second
---@param x number
---@return bandwidth
function kB_per_s(x) end

---megabits per second, as links are sold
---@param x number
---@return bandwidth
function mbit(x) end

---megabytes per second
---@param x number
---@return bandwidth
function MB_per_s(x) end

---gigabits per second
---@param x number
---@return bandwidth
function gbit(x) end

---million floating-point operations per second
---@param x number
---@return speed
function mflops(x) end

---billion floating-point operations per second
---@param x number
---@return speed
function gflops(x) end

---trillion floating-point operations per second
---@param x number
---@return speed
function tflops(x) end

---a share in hundredths: percent(75) is three quarters
---@param x number
---@return fraction
function percent(x) end

---a share of something: fraction(0.75) is three quarters
---@param x number
---@return fraction
function fraction(x) end

---What the scenario lets its user set, with --set name=value; false stands for "not there", and a flag is switched by true and false only, not by no, off or 0.
---@return table
function params(defaults) end

---A data file, looked for in the scenario's folder and in every --data folder.
---@return file
function data(name) end

---The same as data, for files that are not data.
---@return file
function file(name) end

---Reads a Lua source beside the scenario, once: "lib.parts" is lib/parts.lua.
---@return any
function require(name) end

---The moment a version of the model is made.
---@return moment
function from_version(version) end

---In a timeline: sleeps for a time, or until from_version(n).
function wait(duration) end

---In a timeline: starts another coroutine at this instant.
function spawn(start) end

---Prints anything, readably, on standard error, and returns it unchanged.
---@return any
function inspect(value) end

---Prints on standard error; results go nowhere else.
function print(...) end

---A vector of numbers in native memory, from a list.
---@return vec
---@overload fun(numbers: number[]): vec
vec = {}

---All 0.
---@return vec
function vec.zeros(size) end

---All 1.
---@return vec
function vec.ones(size) end

---From a list; the same as vec { ... }.
---@return vec
function vec.from(numbers) end

---The mean of vectors, item by item.
---@return vec
function vec.mean(list) end

---The sum of vectors, item by item.
---@return vec
function vec.sum(list) end

---The median of vectors, item by item.
---@return vec
function vec.median(list) end

---A quantile of vectors, item by item.
---@return vec
function vec.quantile(list, q) end

---@class aggregation_part: part
aggregation = {}

---@class aggregation_agnostic_fields
---@field rate? number of the ascent: shares move by so much times a loss (default: `0.1`)

---Updates count by a mixture over the hospitals, equal at first, that the server moves by gradient ascent on the losses that hospitals tell, and projects on the simplex: the model that is best for the worst mixture of hospitals. Whoever is not heard keeps his share but for the projection.
---Mohri, Sivek, Suresh 2019, Agnostic Federated Learning, section 3.3, figure 2
---@param fields? aggregation_agnostic_fields
---@return aggregation_part
function aggregation.agnostic(fields) end

---@class aggregation_bulyan_fields
---@field byzantine? integer|fraction attackers that the rule is told of: a count, or a fraction of the updates; left out, no more than the rule can bear (default: 20 %)
---@field neighbours? "n-f-2"|"n-f-1"|"n-f-3" how many others a score looks at (at least one): the paper's, ByzFL's, or that of Shejwalkar and Houmansadr's code (default: `"n-f-2"`)
---@field power? integer of the distances in a score: 2 in the paper, 4 in the code of the bucketing paper (default: `2`)
---@field pre? (pre_part)[] what is done to the updates before, in order

---n - 2f updates chosen one after the other by krum; of each coordinate the mean of the n - 4f of their values nearest to the median. Needs 4f + 3 updates.
---El Mhamdi, Guerraoui, Rouault 2018, The Hidden Vulnerability of Distributed Learning in Byzantium, section 4
---@param fields? aggregation_bulyan_fields
---@return aggregation_part
function aggregation.bulyan(fields) end

---@class aggregation_caf_fields
---@field byzantine? integer|fraction attackers that the rule is told of: a count, or a fraction of the updates; left out, no more than the rule can bear (default: 20 %)
---@field farthest? "all"|"left" weights fall in proportion to the farthest of all updates (ByzFL), or of those still left (default: `"all"`)
---@field pre? (pre_part)[] what is done to the updates before, in order

---Covariance-bound agnostic filter: weights fall along the direction of most variance until n - 2f are left; the mean with the weights whose variance was least. Needs 2f + 1 updates.
---Allouah et al. 2025, Towards Trustworthy Federated Learning with Untrusted Participants, Algorithm 2
---@param fields? aggregation_caf_fields
---@return aggregation_part
function aggregation.caf(fields) end

---@class aggregation_centered_clipping_fields
---@field radius? number length that a difference is shortened to (default: `10`)
---@field iterations? integer how often that is done (default: `1`)
---@field start? "previous"|"zero" the last aggregate (zero in the first round), or zero always (default: `"previous"`)
---@field pre? (pre_part)[] what is done to the updates before, in order

---The last aggregate plus the mean of what the updates differ from it by, each difference shortened to a radius.
---Karimireddy, He, Jaggi 2021, Learning from History for Byzantine Robust Optimization, Algorithm 2
---@param fields? aggregation_centered_clipping_fields
---@return aggregation_part
function aggregation.centered_clipping(fields) end

---@class aggregation_custom_fields
---@field rule function the function
---@field weights? "size"|"equal" how much a hospital counts: by its training rows, or all alike (default: `"size"`)
---@field max_share? number largest share of one hospital; what is above it is spread over the others (default: `0.5`)
---@field losses? boolean hospitals tell the loss of the model that they start from, on all their training rows: ctx.losses (default: `false`)

---A rule written in Lua: rule(updates, ctx) -> vec, where updates is a list of vecs and ctx has weights, global, previous, seed and state, and of each update its steps and how often its gradients count in it (accumulated); with losses, also the loss that its hospital tells.
---@param rule function|aggregation_custom_fields
---@param weights? "size"|"equal"
---@param max_share? number
---@param losses? boolean
---@return aggregation_part
function aggregation.custom(rule, weights, max_share, losses) end

---@class aggregation_dnc_fields
---@field byzantine? integer|fraction attackers that the rule is told of: a count, or a fraction of the updates; left out, no more than the rule can bear (default: 20 %)
---@field filter? number updates left out by a pass, as a multiple of f (default: `1`)
---@field coordinates? integer how many coordinates a pass looks at, drawn at random (default: `10000`)
---@field iterations? integer passes (default: `1`)
---@field pre? (pre_part)[] what is done to the updates before, in order

---Divide and conquer: leaves out the updates that lie farthest along the direction of most variance, seen on some coordinates; the mean of those kept by every pass. Needs 2f + 1 updates.
---Shejwalkar, Houmansadr 2021, Manipulating the Byzantine, Algorithm 2
---@param fields? aggregation_dnc_fields
---@return aggregation_part
function aggregation.dnc(fields) end

---@class aggregation_fltrust_fields
---@field trusted? integer the trusted hospital's number, counted from 1
---@field pre? (pre_part)[] what is done to the updates before, in order

---Updates count by how much they point the way of a trusted one (not at all when they point away) and are scaled to its length. Called as a function it takes the trusted update as ctx.root; in a run it is that of a hospital, which then only judges. When none points its way the model stays.
---Cao et al. 2021, FLTrust, Algorithm 2
---@param fields? aggregation_fltrust_fields
---@return aggregation_part
function aggregation.fltrust(fields) end

---@class aggregation_foolsgold_fields
---@field confidence? number factor of the logit that spreads the weights (default: `1`)
---@field history? boolean compare the sums of each hospital's updates so far, not this round's (default: `true`)
---@field pre? (pre_part)[] what is done to the updates before, in order

---Hospitals whose updates are alike count less; the weighted mean. When all are alike the model stays.
---Fung, Yoon, Beschastnikh 2020, The Limitations of Federated Learning in Sybil Settings, Algorithm 1
---@param fields? aggregation_foolsgold_fields
---@return aggregation_part
function aggregation.foolsgold(fields) end

---@class aggregation_geometric_median_fields
---@field iterations? integer steps, at most (default: `4`)
---@field floor? number smallest distance that a step divides by (default: `1e-05`)
---@field tolerance? number end when the sum of distances changes by less than this share (default: `1e-06`)
---@field start? "mean"|"zero" where the first step starts (default: `"mean"`)
---@field weights? "size"|"equal" how much a hospital counts: by its training rows, or all alike (default: `"size"`)
---@field max_share? number largest share of one hospital; what is above it is spread over the others (default: `0.5`)
---@field pre? (pre_part)[] what is done to the updates before, in order

---The point with the least weighted sum of distances to the updates, by smoothed Weiszfeld steps.
---Pillutla, Kakade, Harchaoui 2022, Robust Aggregation for Federated Learning, Algorithm 2
---@param fields? aggregation_geometric_median_fields
---@return aggregation_part
function aggregation.geometric_median(fields) end

---@class aggregation_krum_fields
---@field byzantine? integer|fraction attackers that the rule is told of: a count, or a fraction of the updates; left out, no more than the rule can bear (default: 20 %)
---@field neighbours? "n-f-2"|"n-f-1"|"n-f-3" how many others a score looks at (at least one): the paper's, ByzFL's, or that of Shejwalkar and Houmansadr's code (default: `"n-f-2"`)
---@field power? integer of the distances in a score: 2 in the paper, 4 in the code of the bucketing paper (default: `2`)
---@field pre? (pre_part)[] what is done to the updates before, in order

---The one update that lies nearest to its n - f - 2 nearest others. Needs 2f + 3 updates.
---Blanchard et al. 2017, Machine Learning with Adversaries, section 4
---@param fields? aggregation_krum_fields
---@return aggregation_part
function aggregation.krum(fields) end

---@class aggregation_mda_fields
---@field byzantine? integer|fraction attackers that the rule is told of: a count, or a fraction of the updates; left out, no more than the rule can bear (default: 20 %)
---@field pre? (pre_part)[] what is done to the updates before, in order

---The mean of the n - f updates of which the two farthest apart are nearest; found by trying every choice. Needs 2f + 1 updates.
---El Mhamdi, Guerraoui, Rouault 2018 (minimal diameter averaging); Rousseeuw 1985
---@param fields? aggregation_mda_fields
---@return aggregation_part
function aggregation.mda(fields) end

---@class aggregation_meamed_fields
---@field byzantine? integer|fraction attackers that the rule is told of: a count, or a fraction of the updates; left out, no more than the rule can bear (default: 20 %)
---@field pre? (pre_part)[] what is done to the updates before, in order

---The mean of the n - f values of each coordinate nearest to its median. Needs 2f + 1 updates.
---Xie, Koyejo, Gupta 2018, Generalized Byzantine-tolerant SGD, Definition 7
---@param fields? aggregation_meamed_fields
---@return aggregation_part
function aggregation.meamed(fields) end

---@class aggregation_mean_fields
---@field weights? "size"|"equal" how much a hospital counts: by its training rows, or all alike (default: `"size"`)
---@field max_share? number largest share of one hospital; what is above it is spread over the others (default: `0.5`)
---@field pre? (pre_part)[] what is done to the updates before, in order

---The weighted mean of the updates.
---McMahan et al. 2017, Communication-Efficient Learning, Algorithm 1
---@param fields? aggregation_mean_fields
---@return aggregation_part
function aggregation.mean(fields) end

---@class aggregation_median_fields
---@field pre? (pre_part)[] what is done to the updates before, in order

---The median of each coordinate; the mean of the middle two where the number of updates is even.
---Yin et al. 2018, Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates, Definition 1
---@param fields? aggregation_median_fields
---@return aggregation_part
function aggregation.median(fields) end

---@class aggregation_monna_fields
---@field byzantine? integer|fraction attackers that the rule is told of: a count, or a fraction of the updates; left out, no more than the rule can bear (default: 20 %)
---@field trusted? integer the trusted hospital's number, counted from 1 (default: `1`)
---@field pre? (pre_part)[] what is done to the updates before, in order

---The mean of the n - f updates nearest to that of a trusted hospital. Needs 2f + 1 updates.
---Farhadkhani et al. 2023, Robust Collaborative Learning with Linear Gradient Overhead, Algorithm 1
---@param fields? aggregation_monna_fields
---@return aggregation_part
function aggregation.monna(fields) end

---@class aggregation_multi_krum_fields
---@field byzantine? integer|fraction attackers that the rule is told of: a count, or a fraction of the updates; left out, no more than the rule can bear (default: 20 %)
---@field neighbours? "n-f-2"|"n-f-1"|"n-f-3" how many others a score looks at (at least one): the paper's, ByzFL's, or that of Shejwalkar and Houmansadr's code (default: `"n-f-2"`)
---@field power? integer of the distances in a score: 2 in the paper, 4 in the code of the bucketing paper (default: `2`)
---@field count? integer how many are averaged (default: n - f; n - 2f - 2 when chosen one by one)
---@field choose? "once"|"one_by_one" by one score, or one after the other with scores computed anew among the rest (Shejwalkar and Houmansadr 2021) (default: `"once"`)
---@field pre? (pre_part)[] what is done to the updates before, in order

---The mean of the updates with the lowest scores of krum. Needs 2f + 3 updates.
---Blanchard et al. 2017, Machine Learning with Adversaries, section 4
---@param fields? aggregation_multi_krum_fields
---@return aggregation_part
function aggregation.multi_krum(fields) end

---@class aggregation_norm_clipping_fields
---@field norm? number the bound (default: the median of their lengths (Nguyen et al. 2022, FLAME))
---@field noise? number standard deviation of normal noise that is added to each parameter (weak differential privacy: no guarantee is computed from it) (default: `0`)
---@field weights? "size"|"equal" how much a hospital counts: by its training rows, or all alike (default: `"size"`)
---@field max_share? number largest share of one hospital; what is above it is spread over the others (default: `0.5`)
---@field pre? (pre_part)[] what is done to the updates before, in order

---The mean of the updates, long ones shortened to a bound first.
---Sun et al. 2019, Can You Really Backdoor Federated Learning?, section 5
---@param fields? aggregation_norm_clipping_fields
---@return aggregation_part
function aggregation.norm_clipping(fields) end

---@class aggregation_normalized_fields
---@field effective? "accumulated"|"steps" the effective number of steps is the mean over hospitals of how often their gradients count, or of their steps; for training.sgd without a proximal term both are the same (default: `"accumulated"`)
---@field weights? "size"|"equal" how much a hospital counts: by its training rows, or all alike (default: `"size"`)
---@field max_share? number largest share of one hospital; what is above it is spread over the others (default: `0.5`)

---The weighted mean of the updates, each divided by how often its gradients count in it, times an effective number of steps: hospitals that make more steps do not pull the model their way.
---Wang et al. 2020, Tackling the Objective Inconsistency Problem in Heterogeneous Federated Optimization (FedNova)
---@param fields? aggregation_normalized_fields
---@return aggregation_part
function aggregation.normalized(fields) end

---@class aggregation_q_fair_fields
---@field q? number 0: the weighted mean; large: the largest loss alone counts (default: `1`)
---@field lipschitz? number L: how fast gradients change; steps are shorter where it is larger (default: 1 / learning rate of the training, as in the paper)
---@field weights? "size"|"equal" how much a hospital counts: by its training rows, or all alike (default: `"size"`)
---@field max_share? number largest share of one hospital; what is above it is spread over the others (default: `0.5`)

---Updates count by the q-th power of the loss that their hospital tells, and the step is the shorter the longer they are: hospitals for which the model is bad pull harder, the more so the larger q. It minimises sum of p F^(q+1) / (q+1).
---Li, Sanjabi, Beirami, Smith 2020, Fair Resource Allocation in Federated Learning, Algorithm 2 (q-FedAvg)
---@param fields? aggregation_q_fair_fields
---@return aggregation_part
function aggregation.q_fair(fields) end

---@class aggregation_smea_fields
---@field byzantine? integer|fraction attackers that the rule is told of: a count, or a fraction of the updates; left out, no more than the rule can bear (default: 20 %)
---@field pre? (pre_part)[] what is done to the updates before, in order

---The mean of the n - f updates whose covariance has the smallest largest eigenvalue; found by trying every choice. Needs 2f + 1 updates.
---Allouah et al. 2023, On the Privacy-Robustness-Utility Trilemma, Algorithm 2
---@param fields? aggregation_smea_fields
---@return aggregation_part
function aggregation.smea(fields) end

---@class aggregation_trimmed_mean_fields
---@field byzantine? integer|fraction attackers that the rule is told of: a count, or a fraction of the updates; left out, no more than the rule can bear (default: 20 %)
---@field pre? (pre_part)[] what is done to the updates before, in order

---The mean of each coordinate without its f largest and f smallest values. Needs 2f + 1 updates.
---Yin et al. 2018, Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates, Definition 2
---@param fields? aggregation_trimmed_mean_fields
---@return aggregation_part
function aggregation.trimmed_mean(fields) end

---@class arm_part: part

---@class arm_fields
---@field name string how tables call it
---@field hospitals? hospitals_part|none|false size, machine, link and habits of each (default: the base's)
---@field cohort? cohort_part|none|false the patients (default: the base's)
---@field model? model_part|none|false what is trained (default: the base's)
---@field training? training_part|none|false how a hospital trains (default: the base's)
---@field rounds? integer|none|false how many rounds (default: the base's)
---@field participants? all|integer|fraction|none|false hospitals invited to a round: a count, fraction(0.75) or all (default: the base's)
---@field selection? selection_part|none|false who is invited, instead of participants (default: the base's)
---@field deadline? time|none|false a round closes at the latest so long after it opened (default: the base's)
---@field strategy? strategy_part|composition_part|baseline_part|none|false a named set of choices for the parts below; baseline.pooled {} or baseline.local_only {}: the arm is that reference (default: the base's)
---@field protocol? protocol_part|none|false when rounds open and close (default: the base's)
---@field objective? objective_part|none|false what is minimised beside the loss (default: the base's)
---@field personal? personal_part|none|false models that stay at the hospitals, with which they are scored (default: the base's)
---@field stragglers? stragglers_part|none|false who finishes only a part of a training (default: the base's)
---@field secure? secure_part|none|false how updates are summed so that the server sees none (default: the base's)
---@field compression? compression_part|none|false how vectors are made shorter for the wires (default: the base's)
---@field aggregation? aggregation_part|none|false how updates become one (default: the base's)
---@field server? server_part|none|false what the server does with the aggregate (default: the base's)
---@field privacy? privacy_part|none|false what protects the patients: privacy.record { epsilon = 3 } (default: the base's)
---@field attacks? (attack_part)[]|attack_part|none|false hospitals that do harm: { attack.sign_flip { who = fraction(0.2) } } (default: the base's)
---@field network? network_part|none|false the wires (default: the base's)
---@field timeline? (happening_part)[]|none|false what happens when: at(days(2), f), every(hours(6), f) (default: the base's)
---@field measure? measure_part|none|false what the experimenter looks at (default: the base's)
---@field audit? audit_part|none|false what the finished model gives away: audit.membership {} (default: the base's)
---@field stop? stop_part|none|false when to end before the last round (default: the base's)

---One of the worlds that a study compares: a name, and the fields of the scenario that it changes. A part of the same kind and name as the base's merges field by field, any other replaces, none removes.
---@param fields? arm_fields
---@return arm_part
function arm(fields) end

---@class attack_part: part
attack = {}

---@class attack_alie_fields
---@field z? number how many standard deviations (default: the largest that hides, from the numbers of updates and attackers; 0 in small groups, where 1.5 is usual)
---@field deviation? "population"|"sample" standard deviation over the honest updates with divisor n or n - 1 (default: `"population"`)
---@field side? "below"|"above" of the mean: the paper's, or ByzFL's (default: `"below"`)
---@field optimal? boolean search the size that moves the announced rule farthest: the scenario's, or ctx.rule (default: `false`)
---@field evaluations? integer of the rule by that search (default: `20`)
---@field knows? "all"|"own" in a scenario, the updates that attackers see: all honest ones of their version, or only what they themselves would have sent (default: `"all"`)
---@field who? string|(string)[]|integer|fraction in a scenario, who attacks: a name, names, a count or fraction(0.2) (rounded down) of those that take part
---@field group? string attackers that are drawn: attacks of one group have the same hospitals, and a larger share holds all of a smaller one (default: `""`)
---@field from? time|moment sleepers: honest until a time, or from_version(10) (default: the beginning)
---@field to? time|moment honest again from then on (default: the end)
---@field chance? number probability with which an attacker attacks in a training (default: `1`)

---A little is enough: the honest mean moved by z standard deviations in each coordinate.
---Baruch, Baruch, Goldberg 2019, A Little Is Enough, Algorithm 3
---@param fields? attack_alie_fields
---@return attack_part
function attack.alie(fields) end

---@class attack_backdoor_fields
---@field trigger table<string, number> features and the values that they get, as the model sees them: standard deviations where the cohort is standardised
---@field target? integer the class that it brings (default: `1`)
---@field share? number of an attacker's rows that are in question (default: `0.5`)
---@field label? "dirty"|"clean" dirty: rows of other classes, with the target's label; clean: rows of the target class, whose labels are right (default: `"dirty"`)
---@field who? string|(string)[]|integer|fraction in a scenario, who attacks: a name, names, a count or fraction(0.2) (rounded down) of those that take part
---@field group? string attackers that are drawn: attacks of one group have the same hospitals, and a larger share holds all of a smaller one (default: `""`)
---@field from? time|moment sleepers: honest until a time, or from_version(10) (default: the beginning)
---@field to? time|moment honest again from then on (default: the end)
---@field chance? number probability with which an attacker attacks in a training (default: `1`)

---The attackers teach the model a secret sign: rows that carry the trigger are of the target class. How often it works on patients of honest hospitals is measured as target_rate.
---Gu, Dolan-Gavitt, Garg 2017, BadNets; Bagdasaryan et al. 2020, How To Backdoor Federated Learning; Turner, Tsipras, Madry 2019, Label-Consistent Backdoor Attacks
---@param fields? attack_backdoor_fields
---@return attack_part
function attack.backdoor(fields) end

---@class attack_fang_fields
---@field against? "trimmed_mean"|"krum" the rule that it is made for (trimmed_mean: the median, too); in a scenario, unless given, that of the announced rule (default: `"trimmed_mean"`)
---@field b? number how far outside the range (default: `2`)
---@field threshold? number smallest step that is tried against krum (default: `1e-05`)
---@field knows? "all"|"own" in a scenario, the updates that attackers see: all honest ones of their version, or only what they themselves would have sent (default: `"all"`)
---@field who? string|(string)[]|integer|fraction in a scenario, who attacks: a name, names, a count or fraction(0.2) (rounded down) of those that take part
---@field group? string attackers that are drawn: attacks of one group have the same hospitals, and a larger share holds all of a smaller one (default: `""`)
---@field from? time|moment sleepers: honest until a time, or from_version(10) (default: the beginning)
---@field to? time|moment honest again from then on (default: the end)
---@field chance? number probability with which an attacker attacks in a training (default: `1`)

---Local model poisoning: values just outside the range of the honest ones, on the side that their mean does not point to; or the longest step against their signs that krum still chooses.
---Fang et al. 2020, Local Model Poisoning Attacks to Byzantine-Robust Federated Learning, section 4
---@param fields? attack_fang_fields
---@return attack_part
function attack.fang(fields) end

---@class attack_free_rider_fields
---@field noise? number standard deviation of each number (default: `0`)
---@field who? string|(string)[]|integer|fraction in a scenario, who attacks: a name, names, a count or fraction(0.2) (rounded down) of those that take part
---@field group? string attackers that are drawn: attacks of one group have the same hospitals, and a larger share holds all of a smaller one (default: `""`)
---@field from? time|moment sleepers: honest until a time, or from_version(10) (default: the beginning)
---@field to? time|moment honest again from then on (default: the end)
---@field chance? number probability with which an attacker attacks in a training (default: `1`)

---Sends nothing learnt: zero, or normal noise to hide it.
---Fraboni, Vidal, Lorenzi 2021, Free-rider Attacks on Model Aggregation
---@param fields? attack_free_rider_fields
---@return attack_part
function attack.free_rider(fields) end

---@class attack_gaussian_fields
---@field deviation? number standard deviation of each number (default: `200`)
---@field mean? number mean of each number (default: `0`)
---@field who? string|(string)[]|integer|fraction in a scenario, who attacks: a name, names, a count or fraction(0.2) (rounded down) of those that take part
---@field group? string attackers that are drawn: attacks of one group have the same hospitals, and a larger share holds all of a smaller one (default: `""`)
---@field from? time|moment sleepers: honest until a time, or from_version(10) (default: the beginning)
---@field to? time|moment honest again from then on (default: the end)
---@field chance? number probability with which an attacker attacks in a training (default: `1`)

---Normal noise in place of an update, each attacker its own.
---Blanchard et al. 2017, Machine Learning with Adversaries, section 6
---@param fields? attack_gaussian_fields
---@return attack_part
function attack.gaussian(fields) end

---@class attack_inf_fields
---@field who? string|(string)[]|integer|fraction in a scenario, who attacks: a name, names, a count or fraction(0.2) (rounded down) of those that take part
---@field group? string attackers that are drawn: attacks of one group have the same hospitals, and a larger share holds all of a smaller one (default: `""`)
---@field from? time|moment sleepers: honest until a time, or from_version(10) (default: the beginning)
---@field to? time|moment honest again from then on (default: the end)
---@field chance? number probability with which an attacker attacks in a training (default: `1`)

---Sends infinities: an update that is left out as diverged.
---@param fields? attack_inf_fields
---@return attack_part
function attack.inf(fields) end

---@class attack_ipm_fields
---@field scale? number of the mean (default: `0.1`)
---@field optimal? boolean search the size that moves the announced rule farthest: the scenario's, or ctx.rule (default: `false`)
---@field evaluations? integer of the rule by that search (default: `20`)
---@field knows? "all"|"own" in a scenario, the updates that attackers see: all honest ones of their version, or only what they themselves would have sent (default: `"all"`)
---@field who? string|(string)[]|integer|fraction in a scenario, who attacks: a name, names, a count or fraction(0.2) (rounded down) of those that take part
---@field group? string attackers that are drawn: attacks of one group have the same hospitals, and a larger share holds all of a smaller one (default: `""`)
---@field from? time|moment sleepers: honest until a time, or from_version(10) (default: the beginning)
---@field to? time|moment honest again from then on (default: the end)
---@field chance? number probability with which an attacker attacks in a training (default: `1`)

---Inner product manipulation: the negative of the honest mean, scaled.
---Xie, Koyejo, Gupta 2020, Fall of Empires
---@param fields? attack_ipm_fields
---@return attack_part
function attack.ipm(fields) end

---@class attack_label_flip_fields
---@field share? number of an attacker's rows that are in question (default: `1`)
---@field source? integer the only class whose labels change (default: every class)
---@field target? integer the class that they are given (default: classes - 1 - y)
---@field who? string|(string)[]|integer|fraction in a scenario, who attacks: a name, names, a count or fraction(0.2) (rounded down) of those that take part
---@field group? string attackers that are drawn: attacks of one group have the same hospitals, and a larger share holds all of a smaller one (default: `""`)
---@field from? time|moment sleepers: honest until a time, or from_version(10) (default: the beginning)
---@field to? time|moment honest again from then on (default: the end)
---@field chance? number probability with which an attacker attacks in a training (default: `1`)

---The attackers train on wrong labels: class y becomes classes - 1 - y, or the target. Test rows stay as they are.
---Biggio, Nelson, Laskov 2011, Support Vector Machines Under Adversarial Label Noise; Tolpegin et al. 2020, Data Poisoning Attacks Against Federated Learning Systems
---@param fields? attack_label_flip_fields
---@return attack_part
function attack.label_flip(fields) end

---@class attack_mimic_fields
---@field target? integer which one, from 1
---@field who? string|(string)[]|integer|fraction in a scenario, who attacks: a name, names, a count or fraction(0.2) (rounded down) of those that take part
---@field group? string attackers that are drawn: attacks of one group have the same hospitals, and a larger share holds all of a smaller one (default: `""`)
---@field from? time|moment sleepers: honest until a time, or from_version(10) (default: the beginning)
---@field to? time|moment honest again from then on (default: the end)
---@field chance? number probability with which an attacker attacks in a training (default: `1`)

---All attackers copy one honest update: the one farthest along the direction of most variance, or a given one.
---Karimireddy, He, Jaggi 2022, Byzantine-Robust Learning on Heterogeneous Datasets via Bucketing, section 4
---@param fields? attack_mimic_fields
---@return attack_part
function attack.mimic(fields) end

---@class attack_min_max_fields
---@field perturbation? "unit"|"sign"|"std" direction: against the mean, its signs, or the standard deviations (default: `"unit"`)
---@field deviation? "population"|"sample" standard deviation over the honest updates with divisor n or n - 1 (default: `"sample"`)
---@field knows? "all"|"own" in a scenario, the updates that attackers see: all honest ones of their version, or only what they themselves would have sent (default: `"all"`)
---@field who? string|(string)[]|integer|fraction in a scenario, who attacks: a name, names, a count or fraction(0.2) (rounded down) of those that take part
---@field group? string attackers that are drawn: attacks of one group have the same hospitals, and a larger share holds all of a smaller one (default: `""`)
---@field from? time|moment sleepers: honest until a time, or from_version(10) (default: the beginning)
---@field to? time|moment honest again from then on (default: the end)
---@field chance? number probability with which an attacker attacks in a training (default: `1`)

---As far from the honest mean as it lies no farther from any honest update than two honest ones from each other.
---Shejwalkar, Houmansadr 2021, Manipulating the Byzantine, section IV
---@param fields? attack_min_max_fields
---@return attack_part
function attack.min_max(fields) end

---@class attack_min_sum_fields
---@field perturbation? "unit"|"sign"|"std" direction: against the mean, its signs, or the standard deviations (default: `"unit"`)
---@field deviation? "population"|"sample" standard deviation over the honest updates with divisor n or n - 1 (default: `"sample"`)
---@field bound? "max"|"min" of which honest one: the paper's, or that of its authors' code (default: `"max"`)
---@field knows? "all"|"own" in a scenario, the updates that attackers see: all honest ones of their version, or only what they themselves would have sent (default: `"all"`)
---@field who? string|(string)[]|integer|fraction in a scenario, who attacks: a name, names, a count or fraction(0.2) (rounded down) of those that take part
---@field group? string attackers that are drawn: attacks of one group have the same hospitals, and a larger share holds all of a smaller one (default: `""`)
---@field from? time|moment sleepers: honest until a time, or from_version(10) (default: the beginning)
---@field to? time|moment honest again from then on (default: the end)
---@field chance? number probability with which an attacker attacks in a training (default: `1`)

---As far from the honest mean as its squared distances to the honest updates sum to no more than those of an honest one.
---Shejwalkar, Houmansadr 2021, Manipulating the Byzantine, section IV
---@param fields? attack_min_sum_fields
---@return attack_part
function attack.min_sum(fields) end

---@class attack_nan_fields
---@field who? string|(string)[]|integer|fraction in a scenario, who attacks: a name, names, a count or fraction(0.2) (rounded down) of those that take part
---@field group? string attackers that are drawn: attacks of one group have the same hospitals, and a larger share holds all of a smaller one (default: `""`)
---@field from? time|moment sleepers: honest until a time, or from_version(10) (default: the beginning)
---@field to? time|moment honest again from then on (default: the end)
---@field chance? number probability with which an attacker attacks in a training (default: `1`)

---Sends what is no number: an update that is left out as diverged.
---@param fields? attack_nan_fields
---@return attack_part
function attack.nan(fields) end

---@class attack_scaling_fields
---@field factor? number how much it is enlarged (default: the number of updates over server_rate)
---@field server_rate? number the server's learning rate, as the attacker supposes (default: `1`)
---@field who? string|(string)[]|integer|fraction in a scenario, who attacks: a name, names, a count or fraction(0.2) (rounded down) of those that take part
---@field group? string attackers that are drawn: attacks of one group have the same hospitals, and a larger share holds all of a smaller one (default: `""`)
---@field from? time|moment sleepers: honest until a time, or from_version(10) (default: the beginning)
---@field to? time|moment honest again from then on (default: the end)
---@field chance? number probability with which an attacker attacks in a training (default: `1`)

---Model replacement: the attacker's own update (ctx.own), enlarged so that the mean becomes it.
---Bagdasaryan et al. 2020, How To Backdoor Federated Learning, equation 3
---@param fields? attack_scaling_fields
---@return attack_part
function attack.scaling(fields) end

---@class attack_sign_flip_fields
---@field scale? number how much it is enlarged (default: `1`)
---@field of? "mean"|"own" whose sign is turned (default: `"mean"`)
---@field knows? "all"|"own" in a scenario, the updates that attackers see: all honest ones of their version, or only what they themselves would have sent (default: `"all"`)
---@field who? string|(string)[]|integer|fraction in a scenario, who attacks: a name, names, a count or fraction(0.2) (rounded down) of those that take part
---@field group? string attackers that are drawn: attacks of one group have the same hospitals, and a larger share holds all of a smaller one (default: `""`)
---@field from? time|moment sleepers: honest until a time, or from_version(10) (default: the beginning)
---@field to? time|moment honest again from then on (default: the end)
---@field chance? number probability with which an attacker attacks in a training (default: `1`)

---The negative of an update: of the mean of the honest ones, which the attackers know (ByzFL), or of the attacker's own (ctx.own).
---Li et al. 2019, RSA: Byzantine-Robust Stochastic Aggregation Methods, section 5
---@param fields? attack_sign_flip_fields
---@return attack_part
function attack.sign_flip(fields) end

---@class audit_part: part
audit = {}

---@class audit_membership_fields
---@field false_positive_rate? number at which members are found; it takes ten non-members beyond the threshold, 10 / false_positive_rate of them, to tell the rate (default: `0.01`)
---@field confidence? number of the lower bound and of all intervals (default: `0.95`)

---Membership inference on the last model, once at the end: how well a record's loss tells whether its hospital trained on it. Members are training rows, non-members held-out test rows of the same hospital. AUC within and across hospitals, the true-positive rate at a low false-positive rate, and a lower bound of epsilon.
---Yeom et al. 2018, Privacy Risk in Machine Learning; Jagielski, Ullman, Oprea 2020, Auditing Differentially Private Machine Learning
---@param fields? audit_membership_fields
---@return audit_part
function audit.membership(fields) end

---@class availability_part: part
availability = {}

---@class availability_always_fields

---Never down.
---@param fields? availability_always_fields
---@return availability_part
function availability.always(fields) end

---@class availability_diurnal_fields
---@field days? string days on which it opens: "mon-fri", "sat,sun" (default: `"mon-sun"`)
---@field from? number hour at which it comes up (default: `7`)
---@field to? number hour at which it goes down; before `from`: next morning (default: `19`)
---@field probability? (number)[] instead of from and to: chance of being up in each of 24 hours of a day, or 168 of a week from Monday on, drawn anew each time
---@field shift? time its clock is ahead of time 0 by so much (default: 0 ns)

---Up at certain hours of certain days. Time 0 is Monday, midnight.
---@param fields? availability_diurnal_fields
---@return availability_part
function availability.diurnal(fields) end

---@class availability_maintenance_fields
---@field every? time from the beginning of one to the next (default: 7 days)
---@field at? time beginning of the first (default: 2 h)
---@field lasts? time length, below `every` (default: 3 h)

---Down at regular times.
---@param fields? availability_maintenance_fields
---@return availability_part
function availability.maintenance(fields) end

---@class availability_markov_fields
---@field up? time|distribution how long it stays up: a mean, or a law (default: `20 h`)
---@field down? time|distribution how long it stays down: a mean, or a law (default: `2 h`)

---Up and down in turn, each for a random time: exponential with the given mean, or of the given law, at least a second. Stationary from the start.
---@param fields? availability_markov_fields
---@return availability_part
function availability.markov(fields) end

---@class availability_regional_outage_fields
---@field every? time|distribution from the end of one to the next: a mean, or a law (default: `30 days`)
---@field lasts? time|distribution how long one lasts: a mean, or a law (default: `6 h`)

---Outages that hit all hospitals of a region at the same time.
---@param fields? availability_regional_outage_fields
---@return availability_part
function availability.regional_outage(fields) end

---@class availability_trace_fields
---@field file file|string the CSV file

---From a file, with columns hospital,time,state (up or down) or hospital,start,end (when it is up). Times are seconds, or have a unit (2h). Hospital * is any that the file does not name.
---@param file file|string|availability_trace_fields
---@return availability_part
function availability.trace(file) end

---@class bands_part: part

---@class bands_fields
---@field column string|column_part which column
---@field cuts vec|number[] where one band ends and the next begins, increasing

---Groups of patients by ranges of a number.
---@param column string|column_part|bands_fields
---@param cuts? vec|number[]
---@return bands_part
function bands(column, cuts) end

---@class baseline_part: part
baseline = {}

---@class baseline_cross_site_fields

---A table beside the references: every hospital's own model, trained as local_only's, tested at every hospital. No arm of a study.
---@param fields? baseline_cross_site_fields
---@return baseline_part
function baseline.cross_site(fields) end

---@class baseline_local_only_fields

---A reference: every hospital by itself, with as many visits per row.
---@param fields? baseline_local_only_fields
---@return baseline_part
function baseline.local_only(fields) end

---@class baseline_pooled_fields

---A reference: all training data in one place, the same model, initial parameters, optimiser, batch and visits per row.
---@param fields? baseline_pooled_fields
---@return baseline_part
function baseline.pooled(fields) end

---@class change_part: part
change = {}

---@class change_coding_fields
---@field feature string the column
---@field from? string|number the code that was
---@field to? string|number the code that is
---@field codes? table<string, string|number> several at once: { A = "B", B = "A" }
---@field share? number of the rows that it concerns, chosen at random once and for all (default: `1`)

---Codes of a feature are recorded as others: another classification, another habit of coding. Of columns that are categorical, or 0 and 1.
---@param fields? change_coding_fields
---@return change_part
function change.coding(fields) end

---@class change_labels_fields
---@field from? integer the class (default: `1`)
---@field to? integer what it is recorded as (default: `0`)
---@field share? number of its rows, chosen at random once and for all (default: `1`)

---A share of one class is recorded as another. What truly happened, where a generator knows it, stays.
---@param fields? change_labels_fields
---@return change_part
function change.labels(fields) end

---@class change_recalibration_fields
---@field features? (string)[]|all columns of numbers (default: `all`)

---Instruments read as at the beginning again: what change.scanner did is over.
---@param fields? change_recalibration_fields
---@return change_part
function change.recalibration(fields) end

---@class change_scanner_fields
---@field features (string)[] columns of numbers
---@field scale? number factor (default: `1`)
---@field add? number what is added after it (default: `0`)

---An instrument is replaced: the record's numbers become scale * x + add, in the record's own units, before anything is imputed or standardised. Also another unit, or a laboratory's new method.
---@param fields? change_scanner_fields
---@return change_part
function change.scanner(fields) end

---@class change_standardisation_fields

---The hospital fits its preparation (what missing values become, means, scales) anew, on its training rows as they are. Otherwise it stays as it was fitted at the beginning: that is how drift is seen.
---@param fields? change_standardisation_fields
---@return change_part
function change.standardisation(fields) end

---@class change_wave_fields
---@field prevalence? number factor on the odds of the outcome at the height (default: `1`)
---@field class? integer the class whose odds they are (default: `1`)
---@field severity? number cohort.ehr: shift of the respiratory and the inflammatory factor, in their standard deviations (default: `0`)
---@field age? number cohort.ehr: years by which patients are older (default: `0`)
---@field mix? table<string, number> other cohorts: logarithm of how much more often a patient is drawn for each standard deviation of a feature
---@field busy? number factor on queues and trainings that begin at the height (default: `1`)
---@field rise? time from its beginning to its height (default: 14 days)
---@field hold? time how long it stays there (default: 0 ns)
---@field fall? time until all is as before (default: 28 days)
---@field steps? integer in which it rises, and falls; the first is at once (default: `5`)
---@field delay? time after which it reaches the next (default: 0 ns)
---@field by? "hospital"|"region" what it travels by, in the order of the scenario (default: `"hospital"`)
---@field from? string the hospital or region where it begins (default: the first)

---For some time other patients come: more of them with the outcome, sicker, older. It rises and falls in steps; as many patients as before. Generated patients are made anew with the hospital's new traits; those of a table are drawn, with repetition, from the same split of the same hospital.
---@param fields? change_wave_fields
---@return change_part
function change.wave(fields) end

---@class cohort_part: part
cohort = {}

---@class cohort_csv_fields
---@field files? table<string, file|string|(file|string)[]> a file for each hospital, by the hospital's name, or a list of its files
---@field file? file|string one table of all hospitals; goes with 'hospital' or 'partition'
---@field hospital? string|column_part the column that names the hospital of a row
---@field partition? partition_part|none|false cuts one file without hospitals into hospitals
---@field order? (string)[] hospitals in the order of the network; others follow (default: by the bytes of their names)
---@field minimum_rows? integer hospitals with fewer usable rows are left out (default: `0`)
---@field columns? (string)[] names of the columns where the file has none (default: the first line)
---@field header? boolean whether the first line names the columns (default: true, unless 'columns' are given)
---@field separator? ","|";"|"	"|"|" what stands between cells (default: `","`)
---@field decimal? "."|"," what stands before decimals (default: `"."`)
---@field drop? (string)[] columns that are not learnt from
---@field categorical? (string)[] columns whose values are names or codes, not amounts
---@field types? table<string, "numeric"|"boolean"|"categorical"|"ignored"> how single columns are read (default: numeric)
---@field encoding? "reference"|"all_levels" a categorical column becomes a 0/1 feature per level; reference: without the first (default: `"reference"`)
---@field missing? (string|number)[]|string|number codes for a missing value in any column; an empty cell is missing anyway
---@field missing_in? table<string, (string|number)[]|string|number> codes for a missing value in single columns: { chol = 0 }
---@field rows_with_missing? "impute"|"drop" fill in missing values, or leave out the rows that have one (default: `"impute"`)
---@field impute? "median"|"mean" what of the training rows fills in for a missing number; categories take the commonest (default: median; with standardise = "federated": mean)
---@field indicators? boolean a 0/1 feature says where a value was missing (default: `true`)
---@field outcome positive_part|time_to_event_part|column_part|string what is predicted
---@field task? "binary"|"multiclass"|"regression"|"count"|"survival" what the outcome is (default: binary; survival for time_to_event)
---@field patient? string|column_part the column that names the patient: all rows of one go to one split (default: every row is a patient)
---@field groups? table<string, string|column_part|bands_part> divisions of patients, for the third argument of a metric.custom: { sex = column "sex" }
---@field split? split_part train, validation and test (default: split.stratified { train = 0.6, validation = 0.2, test = 0.2 })
---@field standardise? "per_hospital"|"federated"|"none" (x - mean) / sd by training rows: of the hospital, of all by secure sums, or not at all (default: `"per_hospital"`)

---Patients from tables of comma-separated values: a file for each hospital, a column that names it, or one table cut up. Numbers are imputed and standardised by training rows alone.
---@param fields? cohort_csv_fields
---@return cohort_part
function cohort.csv(fields) end

---@class cohort_ehr_fields
---@field outcome? "sepsis"|"mortality"|"readmission" what the label says of an encounter (default: `"sepsis"`)
---@field prevalence? number|distribution share of a hospital's encounters with the true outcome (default: `logit_normal { median = 0.12, spread = 0.5 }`)
---@field site_shift? number how far hospitals lie apart in case mix, instruments, coding, missing values and label error; 0: not at all (default: `0.3`)
---@field signal? number factor on what the patients' state says about the outcome (1: achievable AUROC about .80 for sepsis, .83 mortality, .67 readmission) (default: `1`)
---@field label_error? number share of true events that stay unrecorded at a typical hospital; as many non-events are recorded as events (default: 0.05; mortality 0.01)
---@field missing? number factor on the odds of a value being missing; 0: complete tables (default: `1`)
---@field overlap? number share of patients who are seen at a second hospital too (default: `0.03`)
---@field encounters? number mean number per patient (default: `1.42`)
---@field standardise? "per_hospital"|"federated"|"none" how features are put on one scale (default: `"per_hospital"`)
---@field indicators? boolean adds a feature missing(x) for each value that is often missing (default: `true`)
---@field scale? "log"|"natural" right-skewed values (creatinine, lactate, ...) as logarithms or as they are (default: `"log"`)
---@field drop? (string)[] columns that the record does not hold
---@field split? split_part train, validation and test, by patient; only split.stratified makes sense here (default: split.stratified { train = 0.6, validation = 0.2, test = 0.2 })

---Generated tables like those of intensive care units: 40 columns of demographics, vitals, laboratory values and comorbidities, outcomes from a latent severity whose achievable AUROC is known. Hospitals differ in prevalence, case mix, instruments, coding and missing values.
---figures: PhysioNet/CinC Challenge 2012, Diabetes-130 (Strack et al. 2014), UCI Heart Disease
---@param fields? cohort_ehr_fields
---@return cohort_part
function cohort.ehr(fields) end

---@class cohort_synthetic_fields
---@field alpha? number how much the laws of devices differ (sd of their mean) (default: `1`)
---@field beta? number how much the inputs of devices differ (sd of their centre) (default: `1`)
---@field iid? boolean one law and one centre for all; alpha and beta do nothing (default: `false`)
---@field features? integer how many numbers a row has (default: `60`)
---@field classes? integer how many classes; the outcome of two is yes or no (default: `10`)
---@field devices? integer how many, where the scenario does not say how many hospitals (default: `30`)
---@field test? number share of rows for testing, as in the paper; the rest is for training (default: `0.1`)

---The synthetic (alpha, beta) data of FedProx: 60 features and 10 classes, a linear law for each device. Sizes are int(lognormal(4, 2)) + 50 unless hospitals say how many patients they have.
---Li et al. 2020, Federated Optimization in Heterogeneous Networks (FedProx)
---@param fields? cohort_synthetic_fields
---@return cohort_part
function cohort.synthetic(fields) end

---@class column_part: part

---@class column_fields
---@field name string as the header or 'columns' has it
---@field names? table<string, string> for groups: how values are shown, { ["0"] = "female" }

---A column of a table, by its name.
---@param name string|column_fields
---@param names? table<string, string>
---@return column_part
function column(name, names) end

---@class compare_part: part

---@class compare_fields
---@field metric? string a measured value, macro average; "auroc.worst", "auroc.weighted" and "auroc.micro" are its others; also sim_seconds, bytes_up, bytes_down, versions (default: the first that is measured)
---@field against? string name of the arm that the others are compared with (default: the first arm)

---What a study compares its arms by, and with which of them.
---@param fields? compare_fields
---@return compare_part
function compare(fields) end

---@class composition_part: part

---@class composition_fields
---@field selection? selection_part who is invited
---@field objective? objective_part what a hospital minimises
---@field aggregation? aggregation_part how updates become one
---@field server? server_part what the server does with it
---@field protocol? protocol_part when rounds open and close
---@field personal? personal_part models that stay at home

---Puts a strategy together from parts; what is left out stays free for the scenario. Written as compose { ... }.
---@param fields? composition_fields
---@return composition_part
function compose(fields) end

---@class compression_part: part
compression = {}

---@class compression_bf16_fields
---@field error_feedback? boolean what a message leaves out is added to the hospital's next update (default: `false`)

---The upper half of every 32-bit float, rounded to the nearest: 8 significant bits.
---@param fields? compression_bf16_fields
---@return compression_part
function compression.bf16(fields) end

---@class compression_each_way_fields
---@field up? compression_part|none|false of updates, and of changes of control vectors
---@field down? compression_part|none|false of the model, and of the control vector

---A method for updates and one for the model: compression = compression.top_k {} alone is for updates. The model is sent as a compressed difference to what the hospitals have.
---@param fields? compression_each_way_fields
---@return compression_part
function compression.each_way(fields) end

---@class compression_low_rank_fields
---@field rank? integer columns of a factor (default: `2`)
---@field error_feedback? boolean what a message leaves out is added to the hospital's next update (default: `true`)

---PowerSGD: two thin factors of every matrix of parameters, by one step of subspace iteration from those of the last message; arrays that are no matrices, or shorter as they are, are sent as they are.
---Vogels, Karimireddy, Jaggi 2019, PowerSGD: Practical Low-Rank Gradient Compression for Distributed Optimization, algorithm 1
---@param fields? compression_low_rank_fields
---@return compression_part
function compression.low_rank(fields) end

---@class compression_quantize_fields
---@field bits? integer of a number: one for its sign, the others for 2^(bits-1) - 1 levels above zero (default: `4`)
---@field bucket? integer numbers that share a norm (default: `512`)
---@field norm? "l2"|"max" of a bucket: Euclidean, or its largest absolute value (default: `"l2"`)
---@field error_feedback? boolean what a message leaves out is added to the hospital's next update (default: `false`)

---QSGD: every number as a level of the norm of its bucket, rounded at random so that its expectation stays; 32 bits for a bucket's norm. Levels take a fixed number of bits, not the paper's Elias codes, whose length would depend on the numbers. With error feedback the result is shrunk to a contraction.
---Alistarh et al. 2017, QSGD: Communication-Efficient SGD via Gradient Quantization and Encoding, section 3.1
---@param fields? compression_quantize_fields
---@return compression_part
function compression.quantize(fields) end

---@class compression_random_k_fields
---@field share? number of the numbers that are sent, rounded, at least one (default: `0.01`)
---@field count? integer how many numbers are sent, instead of a share; all where there are fewer
---@field error_feedback? boolean what a message leaves out is added to the hospital's next update (default: `false`)

---Numbers at places drawn at random, the seed of which is sent: 8 bytes and 32 bits each. Times d / k, so that the expectation is the whole; with error feedback as they are.
---Stich, Cordonnier, Jaggi 2018, Sparsified SGD with Memory, definition 2.2
---@param fields? compression_random_k_fields
---@return compression_part
function compression.random_k(fields) end

---@class compression_sign_fields
---@field error_feedback? boolean what a message leaves out is added to the hospital's next update (default: `true`)

---A bit for the sign of every number, and for each array of parameters the mean absolute value of its numbers as 32 bits.
---Karimireddy et al. 2019, Error Feedback Fixes SignSGD and other Gradient Compression Schemes, algorithm 1
---@param fields? compression_sign_fields
---@return compression_part
function compression.sign(fields) end

---@class compression_top_k_fields
---@field share? number of the numbers that are sent, rounded, at least one (default: `0.01`)
---@field count? integer how many numbers are sent, instead of a share; all where there are fewer
---@field error_feedback? boolean what a message leaves out is added to the hospital's next update (default: `true`)

---The numbers of largest absolute value, with their places: 32 bits and ceil(log2 d) bits each of d, or one bit for each of all places where that is shorter.
---Stich, Cordonnier, Jaggi 2018, Sparsified SGD with Memory, definition 2.2
---@param fields? compression_top_k_fields
---@return compression_part
function compression.top_k(fields) end

---@class define_part: part
define = {}

---@class define_strategy_fields
---@field name string the new word: strategy.NAME
---@field doc? string what it is, in a sentence (default: `""`)
---@field paper? string where it comes from (default: `""`)
---@field params? table<string, any> its own fields: { mu = { default = 0.01, low = 0, high = 1, doc = "..." } }
---@field build function function(p) ... end: from the fields to compose { ... }

---Declares strategy.NAME, with its schema, documentation and errors.
---@param fields? define_strategy_fields
---@return define_part
function define.strategy(fields) end

---@class beta_fields
---@field a number first shape
---@field b number second shape
---@field low? number|time|data|bandwidth|speed|fraction what is drawn below becomes this
---@field high? number|time|data|bandwidth|speed|fraction what is drawn above becomes this

---The beta law, between 0 and 1.
---@param a number|beta_fields
---@param b? number
---@param low? number|time|data|bandwidth|speed|fraction
---@param high? number|time|data|bandwidth|speed|fraction
---@return distribution
function beta(a, b, low, high) end

---@class choice_fields
---@field values (number|time|data|bandwidth|speed|fraction)[] the values
---@field weights? vec|number[] how likely each is, in proportion (default: all alike)

---One of some values.
---@param values (number|time|data|bandwidth|speed|fraction)[]|choice_fields
---@param weights? vec|number[]
---@return distribution
function choice(values, weights) end

---@class constant_fields
---@field value number|time|data|bandwidth|speed|fraction the value

---Always the same value; a plain value means this too.
---@param value number|time|data|bandwidth|speed|fraction|constant_fields
---@return distribution
function constant(value) end

---@class exponential_fields
---@field mean number|time|data|bandwidth|speed|fraction its mean
---@field low? number|time|data|bandwidth|speed|fraction what is drawn below becomes this
---@field high? number|time|data|bandwidth|speed|fraction what is drawn above becomes this

---The time to something that happens at a constant rate.
---@param mean number|time|data|bandwidth|speed|fraction|exponential_fields
---@param low? number|time|data|bandwidth|speed|fraction
---@param high? number|time|data|bandwidth|speed|fraction
---@return distribution
function exponential(mean, low, high) end

---@class gamma_fields
---@field shape number its shape
---@field scale number|time|data|bandwidth|speed|fraction its scale
---@field low? number|time|data|bandwidth|speed|fraction what is drawn below becomes this
---@field high? number|time|data|bandwidth|speed|fraction what is drawn above becomes this

---The gamma law.
---@param shape number|gamma_fields
---@param scale? number|time|data|bandwidth|speed|fraction
---@param low? number|time|data|bandwidth|speed|fraction
---@param high? number|time|data|bandwidth|speed|fraction
---@return distribution
function gamma(shape, scale, low, high) end

---@class logit_normal_fields
---@field median number|time|data|bandwidth|speed|fraction half of the values lie below it, between 0 and 1
---@field spread number standard deviation of the log-odds
---@field low? number|time|data|bandwidth|speed|fraction what is drawn below becomes this
---@field high? number|time|data|bandwidth|speed|fraction what is drawn above becomes this

---The log-odds are normal: shares and prevalences.
---@param median number|time|data|bandwidth|speed|fraction|logit_normal_fields
---@param spread? number
---@param low? number|time|data|bandwidth|speed|fraction
---@param high? number|time|data|bandwidth|speed|fraction
---@return distribution
function logit_normal(median, spread, low, high) end

---@class lognormal_fields
---@field median number|time|data|bandwidth|speed|fraction half of the values lie below it
---@field spread number standard deviation of the logarithm
---@field low? number|time|data|bandwidth|speed|fraction what is drawn below becomes this
---@field high? number|time|data|bandwidth|speed|fraction what is drawn above becomes this

---The logarithm is normal: sizes, speeds, durations.
---@param median number|time|data|bandwidth|speed|fraction|lognormal_fields
---@param spread? number
---@param low? number|time|data|bandwidth|speed|fraction
---@param high? number|time|data|bandwidth|speed|fraction
---@return distribution
function lognormal(median, spread, low, high) end

---@class normal_fields
---@field mean number|time|data|bandwidth|speed|fraction its mean
---@field sd number|time|data|bandwidth|speed|fraction its standard deviation
---@field low? number|time|data|bandwidth|speed|fraction what is drawn below becomes this
---@field high? number|time|data|bandwidth|speed|fraction what is drawn above becomes this

---The normal law.
---@param mean number|time|data|bandwidth|speed|fraction|normal_fields
---@param sd? number|time|data|bandwidth|speed|fraction
---@param low? number|time|data|bandwidth|speed|fraction
---@param high? number|time|data|bandwidth|speed|fraction
---@return distribution
function normal(mean, sd, low, high) end

---@class poisson_fields
---@field mean number|time|data|bandwidth|speed|fraction its mean
---@field low? number|time|data|bandwidth|speed|fraction what is drawn below becomes this
---@field high? number|time|data|bandwidth|speed|fraction what is drawn above becomes this

---Counts of independent happenings.
---@param mean number|time|data|bandwidth|speed|fraction|poisson_fields
---@param low? number|time|data|bandwidth|speed|fraction
---@param high? number|time|data|bandwidth|speed|fraction
---@return distribution
function poisson(mean, low, high) end

---@class uniform_fields
---@field low number|time|data|bandwidth|speed|fraction the smallest
---@field high number|time|data|bandwidth|speed|fraction the largest

---Every value between two is equally likely.
---@param low number|time|data|bandwidth|speed|fraction|uniform_fields
---@param high? number|time|data|bandwidth|speed|fraction
---@return distribution
function uniform(low, high) end

---@class weibull_fields
---@field shape number its shape
---@field scale number|time|data|bandwidth|speed|fraction its scale
---@field low? number|time|data|bandwidth|speed|fraction what is drawn below becomes this
---@field high? number|time|data|bandwidth|speed|fraction what is drawn above becomes this

---Waiting times whose rate rises (shape above 1) or falls.
---@param shape number|weibull_fields
---@param scale? number|time|data|bandwidth|speed|fraction
---@param low? number|time|data|bandwidth|speed|fraction
---@param high? number|time|data|bandwidth|speed|fraction
---@return distribution
function weibull(shape, scale, low, high) end

---@class early_stopping_part: part

---@class early_stopping_fields
---@field patience? integer epochs in a row without a new least loss after which it stops (default: `2`)
---@field min_delta? number a loss is a new least one only if it is less by more than this (default: `0`)
---@field watch? "validation"|"training" validation: the loss on the hospital's validation rows, on which nobody trains (a hospital without any trains all its epochs); training: the mean loss of the epoch's own steps, which costs nothing and sees no overfitting (default: `"validation"`)
---@field keep? "last"|"best" what is sent: the model of the last epoch, or that of the best (default: `"last"`)

---A hospital ends its training when a loss on rows of its own has not fallen for `patience` epochs. It is looked at after each epoch; the clock goes on for the epochs that ran and for the checks, a forward pass each.
---Prechelt 1998, Early Stopping - But When?
---@param fields? early_stopping_fields
---@return early_stopping_part
function early_stopping(fields) end

---@class flow_part: part
flow = {}

---@class flow_cm02_fields
---@field latency_factor? number the time before the first byte is so many latencies (default: `1`)
---@field bandwidth_factor? number payload per byte on the wire (default: `1`)
---@field window? data|none|false bytes under way at most: a flow gets at most window / (2 x latency) (default: 4.1943 MB)

---TCP shares a full link as 1 / latency, and its window limits a flow on a long path.
---Casanova and Marchal 2002, A network model for simulation of grid application (INRIA RR-4596)
---@param fields? flow_cm02_fields
---@return flow_part
function flow.cm02(fields) end

---@class flow_fair_fields
---@field latency_factor? number the time before the first byte is so many latencies (default: `1`)
---@field bandwidth_factor? number payload per byte on the wire (default: `1`)
---@field window? data|none|false bytes under way at most: a flow gets at most window / (2 x latency) (default: no limit)

---Latency, then an equal share: no TCP. Factors and a window, measured on a real line, may correct it.
---@param fields? flow_fair_fields
---@return flow_part
function flow.fair(fields) end

---@class flow_lv08_fields
---@field latency_factor? number the time before the first byte is so many latencies (default: `13.01`)
---@field bandwidth_factor? number payload per byte on the wire (default: `0.97`)
---@field window? data|none|false bytes under way at most: a flow gets at most window / (2 x latency) (default: 4.1943 MB)
---@field weight? data what each link adds to the time of a round trip: weight / bandwidth (default: 20.537 kB)

---As cm02, with factors for slow start and headers, and shares as 1 / (latency + sum over links of weight / bandwidth).
---Velho, Schnorr, Casanova and Legrand 2013, On the validity of flow-level TCP network models for grid and cloud simulations
---@param fields? flow_lv08_fields
---@return flow_part
function flow.lv08(fields) end

---@class group_part: part

---@class group_fields
---@field count? integer how many (default: as many as names)
---@field names? (string)[] their names
---@field patients? number|distribution patients of a hospital (generated cohorts; files say it themselves) (default: as all hospitals)
---@field speed? speed|distribution effective floating-point operations per second in training (default: as all hospitals)
---@field uplink? bandwidth|distribution its access link, sending (default: as all hospitals)
---@field downlink? bandwidth|distribution its access link, receiving (default: as all hospitals)
---@field latency? time|distribution one way between hospital and server (default: as all hospitals)
---@field loss? number|distribution|fraction share of packets lost: goodput = rate x (1 - loss) (default: as all hospitals)
---@field overhead? time|distribution invitation to start: queue, container, loading data; a hospital's median (default: as all hospitals)
---@field jitter? number how much a hospital's own rounds vary around its overhead (sd of the logarithm) (default: as all hospitals)
---@field window? window_part|none|false daily hours in which it may begin to train; what has begun goes on to its end (default: as all hospitals)
---@field approval? time|distribution delay before its first training, once (default: as all hospitals)
---@field availability? availability_part|(availability_part)[]|none|false when it is up; several: up when all of them are (default: as all hospitals)
---@field role? "member"|"external"|"later" member: takes part; external: is only evaluated on; later: takes part once the timeline lets it join (default: as all hospitals)
---@field region? string where it is: regional outages hit it together (default: as all hospitals)
---@field profile? "university"|"rural"|"mixed" figures of a typical population for what is not given (default: as all hospitals)
---@field size_follows? table<string, number> rank correlation with size of speed, uplink, downlink, latency, overhead, prevalence, case_mix (default: as all hospitals)
---@field prevalence? number prevalence of the outcome there
---@field case_mix? number rank of their case mix among hospitals: 0 mildest, 1 most severe

---Some of the hospitals; what it does not say is as for all hospitals.
---@param fields? group_fields
---@return group_part
function group(fields) end

---@class happening_part: part

---@class at_fields
---@field when time|moment a simulated time, or from_version(10)
---@field run function a coroutine on the simulated clock: function(world) ... end

---Something that happens once.
---@param when time|moment|at_fields
---@param run? function
---@return happening_part
function at(when, run) end

---@class every_fields
---@field when time from one time to the next; the first is after one such time
---@field run function a coroutine on the simulated clock: function(world) ... end

---Something that happens again and again.
---@param when time|every_fields
---@param run? function
---@return happening_part
function every(when, run) end

---@class hospitals_part: part

---@class hospitals_fields
---@field groups? (group_part)[] parts of the population, one after another
---@field count? integer how many (default: as many as groups, names or data say, else 8)
---@field names? (string)[] their names (default: hospital-1, hospital-2, ...)
---@field patients? number|distribution patients of a hospital (generated cohorts; files say it themselves) (default: `lognormal { median = 600, spread = 0.6 }`)
---@field speed? speed|distribution effective floating-point operations per second in training (default: `lognormal { median = 50 GFLOP/s, spread = 0.4 }`)
---@field uplink? bandwidth|distribution its access link, sending (default: `lognormal { median = 20 Mbit/s, spread = 0.5 }`)
---@field downlink? bandwidth|distribution its access link, receiving (default: `100 Mbit/s`)
---@field latency? time|distribution one way between hospital and server (default: `lognormal { median = 40 ms, spread = 0.5 }`)
---@field loss? number|distribution|fraction share of packets lost: goodput = rate x (1 - loss) (default: `0`)
---@field overhead? time|distribution invitation to start: queue, container, loading data; a hospital's median (default: `lognormal { median = 5 min, spread = 0.8 }`)
---@field jitter? number how much a hospital's own rounds vary around its overhead (sd of the logarithm) (default: `0.5`)
---@field window? window_part|none|false daily hours in which it may begin to train; what has begun goes on to its end
---@field approval? time|distribution delay before its first training, once (default: `0 ns`)
---@field availability? availability_part|(availability_part)[]|none|false when it is up; several: up when all of them are (default: always)
---@field role? "member"|"external"|"later" member: takes part; external: is only evaluated on; later: takes part once the timeline lets it join (default: `"member"`)
---@field region? string where it is: regional outages hit it together (default: `""`)
---@field profile? "university"|"rural"|"mixed" figures of a typical population for what is not given
---@field size_follows? table<string, number> rank correlation with size of speed, uplink, downlink, latency, overhead, prevalence, case_mix (default: independent, or the profile's)
---@field site? table<string, table<string, any>> anything about one hospital, by name; where no names are given, the names here are those of the first hospitals, in alphabetical order
---@field interrupted? "abort"|"resume" a training that an outage stops: is lost, or goes on afterwards (default: `"abort"`)
---@field [integer] any items of groups

---Who the hospitals are: size, machine, link and habits, drawn jointly, each at an address of its own, so that adding one changes no other.
---@param fields? hospitals_fields
---@return hospitals_part
function hospitals(fields) end

---@class link_part: part

---@class link_fields
---@field from string a router
---@field to string another router
---@field bandwidth? bandwidth what its flows share in each direction (default: 1 Gbit/s)
---@field latency? time one way (default: 0 ns)

---A link of network.mesh; both directions at once, each with the bandwidth.
---@param fields? link_fields
---@return link_part
function link(fields) end

---@class measure_part: part

---@class measure_fields
---@field metrics? (string|metric_part)[] names of metrics, or metric.custom (default: auroc, auprc, brier and calibration; rmse or c_index where they apply)
---@field train? (string)[] metrics on the rows that were trained on, called train_loss and the like (default: none)
---@field every? integer|"end" versions from one measurement to the next; "end": only the last (default: `1`)
---@field hospitals? integer|all how many are evaluated, a fixed random sample (default: all up to 1,000, then 1,000)
---@field threshold? "sensitivity_80"|number where thresholded metrics cut: at 80 % sensitivity on validation rows, or a probability (default: `"sensitivity_80"`)
---@field groups? (string)[]|all variables of the cohort by which patients are grouped, once at the end: how many of each group are flagged, found and spared, how their risks are calibrated, and the gaps between groups (default: none)
---@field [integer] any items of metrics

---The experimenter's view: free, and nothing in the world can read it.
---@param fields? measure_fields
---@return measure_part
function measure(fields) end

---@class mechanism_part: part
mechanism = {}

---@class mechanism_discrete_gaussian_fields
---@field values vec|number[] the true answers
---@field sensitivity? integer how far one unit moves the values, in sum (default: `1`)
---@field sigma number of the noise
---@field delta? number probability beyond epsilon (default: `1e-05`)
---@field seed? integer of the noise: another answer needs another seed, and costs again (default: `1`)

---Counts with integer Gaussian noise, drawn exactly: { values, epsilon }, epsilon of one value at delta, summed exactly.
---Canonne, Kamath, Steinke 2020
---@param fields? mechanism_discrete_gaussian_fields
---@return mechanism_part
function mechanism.discrete_gaussian(fields) end

---@class mechanism_discrete_laplace_fields
---@field values vec|number[] the true answers
---@field sensitivity? integer how far one unit moves the values, in sum (default: `1`)
---@field epsilon number what this answer costs
---@field seed? integer of the noise: another answer needs another seed, and costs again (default: `1`)

---Counts with integer Laplace noise, drawn exactly: { values, scale }. epsilon-private.
---Ghosh, Roughgarden, Sundararajan 2009; Canonne, Kamath, Steinke 2020
---@param fields? mechanism_discrete_laplace_fields
---@return mechanism_part
function mechanism.discrete_laplace(fields) end

---@class mechanism_gaussian_fields
---@field values vec|number[] the true answers
---@field sensitivity? number how far one unit moves the values, in Euclidean norm (default: `1`)
---@field epsilon number what this answer costs
---@field delta? number probability beyond epsilon (default: `1e-05`)
---@field bound? "analytic"|"classic" how sigma is found; classic is refused where it is not proven (default: `"analytic"`)
---@field seed? integer of the noise: another answer needs another seed, and costs again (default: `1`)

---Values with Gaussian noise, at once: { values, sigma }. (epsilon, delta)-private.
---Balle, Wang 2018; classic: Dwork, Roth 2014, Theorem A.1
---@param fields? mechanism_gaussian_fields
---@return mechanism_part
function mechanism.gaussian(fields) end

---@class mechanism_laplace_fields
---@field values vec|number[] the true answers
---@field sensitivity? number how far one unit moves the values, in sum (default: `1`)
---@field epsilon number what this answer costs
---@field seed? integer of the noise: another answer needs another seed, and costs again (default: `1`)

---Values with Laplace noise, at once: { values, scale }. epsilon-private.
---Dwork, McSherry, Nissim, Smith 2006
---@param fields? mechanism_laplace_fields
---@return mechanism_part
function mechanism.laplace(fields) end

---@class mechanism_noisy_max_fields
---@field values vec|number[] the true answers
---@field sensitivity? number how far one unit moves any score (default: `1`)
---@field epsilon number what this answer costs
---@field monotone? boolean one unit moves all scores the same way, as counts do: half the noise (default: `false`)
---@field seed? integer of the noise: another answer needs another seed, and costs again (default: `1`)

---The place of a large score, as the exponential mechanism finds it: { index }. epsilon-private.
---McSherry, Talwar 2007; report noisy max: Dwork, Roth 2014, section 3.3
---@param fields? mechanism_noisy_max_fields
---@return mechanism_part
function mechanism.noisy_max(fields) end

---@class mechanism_randomised_response_fields
---@field values vec|number[] the true answers
---@field epsilon number what each answer costs
---@field seed? integer of the noise: another answer needs another seed, and costs again (default: `1`)

---Answers of 0 or 1, each flipped by chance: { values, truth, share }, truth the probability of telling it and share an unbiased estimate of the ones. epsilon-private for each answer, whoever reads it.
---Warner 1965
---@param fields? mechanism_randomised_response_fields
---@return mechanism_part
function mechanism.randomised_response(fields) end

---@class metric_part: part
metric = {}

---@class metric_custom_fields
---@field name string how results call it
---@field metric function the function
---@field larger_is_better? boolean which end is the worst hospital's (default: `true`)

---A metric written in Lua: metric(scores, labels, groups) -> number; groups.sex[i] names the level of patient i.
---@param fields? metric_custom_fields
---@return metric_part
function metric.custom(fields) end

---@class model_part: part
model = {}

---@class model_cox_fields
---@field ties? "efron"|"breslow" how events at the same time share their risk set (default: `"efron"`)
---@field l2? number penalty: l2/2 times the sum of squared weights (not of biases) is added to the loss (default: `0`)
---@field init? vec|number[]|file|string|none|false initial parameters: a vec in compact order, or a saved model.npz (default: the model's own law)

---Proportional hazards: a log hazard ratio, linear in the features, fitted by partial likelihood. Risk sets lie within a batch, which is all rows of the hospital unless `batch` says otherwise; federated it is stratified by hospital.
---Cox 1972; Efron 1977; Breslow 1974
---@param fields? model_cox_fields
---@return model_part
function model.cox(fields) end

---@class model_linear_fields
---@field l2? number penalty: l2/2 times the sum of squared weights (not of biases) is added to the loss (default: `0`)
---@field init? vec|number[]|file|string|none|false initial parameters: a vec in compact order, or a saved model.npz (default: the model's own law)

---Linear regression (mean squared error); for counts, Poisson regression with a log link. Starts at zero.
---Legendre 1805; Nelder and Wedderburn 1972
---@param fields? model_linear_fields
---@return model_part
function model.linear(fields) end

---@class model_logistic_fields
---@field l2? number penalty: l2/2 times the sum of squared weights (not of biases) is added to the loss (default: `0`)
---@field init? vec|number[]|file|string|none|false initial parameters: a vec in compact order, or a saved model.npz (default: the model's own law)

---Logistic regression: the log odds are linear in the features. Starts at zero.
---Cox 1958
---@param fields? model_logistic_fields
---@return model_part
function model.logistic(fields) end

---@class model_mlp_fields
---@field hidden? (integer)[] widths of the hidden layers, from input to output (default: `{ 64, 32 }`)
---@field activation? "relu"|"tanh"|"gelu" nonlinearity of the hidden layers (default: `"relu"`)
---@field dropout? number share of hidden units that a training step silences (default: `0`)
---@field norm? "batch"|"layer"|"group"|none|false what values are normalised by before the activation. batch: mean and variance of each unit over the rows of a batch, in a prediction their running means, which travel with the parameters; layer: those of a row over the units; group: within groups of units (default: none)
---@field groups? integer|none|false norm = "group": how many equal groups of units a layer has (default: none)
---@field init? vec|number[]|file|string|none|false initial parameters: a vec in compact order, or a saved model.npz (default: the model's own law)

---Layers of hidden units. The outcome decides the output: a probability, classes, a number, a count, or a log hazard ratio. Weights start uniform (He; Glorot for tanh and the output layer), biases at zero.
---Rumelhart, Hinton and Williams 1986; He et al. 2015; Glorot and Bengio 2010; batch: Ioffe and Szegedy 2015; layer: Ba, Kiros and Hinton 2016; group: Wu and He 2018
---@param fields? model_mlp_fields
---@return model_part
function model.mlp(fields) end

---@class model_softmax_fields
---@field l2? number penalty: l2/2 times the sum of squared weights (not of biases) is added to the loss (default: `0`)
---@field init? vec|number[]|file|string|none|false initial parameters: a vec in compact order, or a saved model.npz (default: the model's own law)

---Multinomial logistic regression: one score per class. Starts at zero.
---Cox 1966
---@param fields? model_softmax_fields
---@return model_part
function model.softmax(fields) end

---@class network_part: part
network = {}

---@class network_mesh_fields
---@field links? (link_part)[] the links between routers
---@field server? bandwidth|table<string, bandwidth> the shared link: up carries what hospitals send, down what they receive (default: 1 Gbit/s)
---@field server_at string the router of the server
---@field at? table<string, string> routers of regions and hospitals, by name; * is any other (default: the router that is called as the region)
---@field interrupted? "abort"|"resume"|resumable_part a transfer that an outage stops: starts anew, or goes on afterwards; resumable { ... } says what going on costs (default: `"abort"`)
---@field retries? integer how often it starts anew (default: `3`)
---@field back_off? time pause before it starts anew; doubles each time, up to an hour (default: 1 s)
---@field flow? flow_part|none|false how TCP bends what a flow gets (default: flow.fair {})
---@field [integer] any items of links

---Routers and the links between them. Hospitals and the server are at routers; a transfer takes the way of least latency, of those the one with fewest links.
---@param fields? network_mesh_fields
---@return network_part
function network.mesh(fields) end

---@class network_regions_fields
---@field server? bandwidth|table<string, bandwidth> the shared link: up carries what hospitals send, down what they receive (default: 1 Gbit/s)
---@field up? bandwidth line of a region: what its hospitals send together (default: 1 Gbit/s)
---@field down? bandwidth the same: what they receive together (default: 1 Gbit/s)
---@field latency? time of the line, one way, on top of the hospitals' own (default: 0 ns)
---@field region? table<string, table<string, any>> up, down and latency of single regions, by name
---@field interrupted? "abort"|"resume"|resumable_part a transfer that an outage stops: starts anew, or goes on afterwards; resumable { ... } says what going on costs (default: `"abort"`)
---@field retries? integer how often it starts anew (default: `3`)
---@field back_off? time pause before it starts anew; doubles each time, up to an hour (default: 1 s)
---@field flow? flow_part|none|false how TCP bends what a flow gets (default: flow.fair {})

---A tree: hospitals of a region share a line to the server's link, as hospitals behind one access line or one national network do. Regions are those that hospitals name; a hospital without one is at the server's link.
---@param fields? network_regions_fields
---@return network_part
function network.regions(fields) end

---@class network_star_fields
---@field server? bandwidth|table<string, bandwidth> the shared link: up carries what hospitals send, down what they receive (default: 1 Gbit/s)
---@field interrupted? "abort"|"resume"|resumable_part a transfer that an outage stops: starts anew, or goes on afterwards; resumable { ... } says what going on costs (default: `"abort"`)
---@field retries? integer how often it starts anew (default: `3`)
---@field back_off? time pause before it starts anew; doubles each time, up to an hour (default: 1 s)
---@field flow? flow_part|none|false how TCP bends what a flow gets (default: flow.fair {})

---Every hospital behind its own link, the server behind one that all share max-min fairly: latency first, then bandwidth.
---@param fields? network_star_fields
---@return network_part
function network.star(fields) end

---@class objective_part: part
objective = {}

---@class objective_contrastive_fields
---@field mu? number weight of the contrastive loss; 0 is plain training (default: `1`)
---@field temperature? number what cosines are divided by; the smaller, the sharper (default: `0.5`)

---What the last hidden layer makes of a row is drawn to what the global model makes of it and away from what the hospital's last local model made of it, by the cosines between them. A hospital keeps that model; in its first training there is none, and nothing to contrast. Nothing more travels; two passes forward over the rows are on the clock of each training.
---Li, He, Song 2021, Model-Contrastive Federated Learning (MOON), Algorithm 1
---@param fields? objective_contrastive_fields
---@return objective_part
function objective.contrastive(fields) end

---@class objective_control_variates_fields
---@field update? "difference"|"gradient" what a hospital's vector becomes. difference: the mean gradient of its training, read off the way it went (option II); gradient: the gradient over all its rows at the global model, one more pass over the data (option I) (default: `"difference"`)

---Every local gradient is corrected by the server's control vector minus the hospital's own. Both vectors travel: twice the model each way. A hospital keeps its vector between rounds and changes it when its update counts.
---Karimireddy et al. 2020, SCAFFOLD, Algorithm 1
---@param fields? objective_control_variates_fields
---@return objective_part
function objective.control_variates(fields) end

---@class objective_dynamic_fields
---@field alpha? number strength of the pull; the smaller, the further the server steps (default: `0.01`)

---A pull towards the global model, alpha/2 |w - w_global|^2, and a linear term that each hospital learns so that it stops pulling where all agree. The server keeps the mean of the linear terms and takes it, divided by alpha, off the aggregate.
---Acar et al. 2021, Federated Learning Based on Dynamic Regularization (FedDyn), Algorithm 1
---@param fields? objective_dynamic_fields
---@return objective_part
function objective.dynamic(fields) end

---@class objective_proximal_fields
---@field mu? number strength of the pull; 0 is plain training; with adapt: at the start (default: `0.01`)
---@field adapt? number what mu grows and shrinks by, 0.1 in the paper; 0: it stays (default: `0`)
---@field falls? integer falls of the loss in a row after which mu shrinks (default: `5`)

---Local training is pulled towards the global model: + mu/2 |w - w_global|^2. With adapt the server moves mu by the loss that hospitals tell of the model they start from: up when it rose, down when it fell so many times in a row.
---Li et al. 2020, Federated Optimization in Heterogeneous Networks (FedProx), Algorithm 2; adapt: section 5.3.2
---@param fields? objective_proximal_fields
---@return objective_part
function objective.proximal(fields) end

---@class partition_part: part
partition = {}

---@class partition_by_column_fields
---@field column string|column_part which column

---A column names the hospital of a row; the same as hospital = column "site".
---@param column string|column_part|partition_by_column_fields
---@return partition_part
function partition.by_column(column) end

---@class partition_dirichlet_fields
---@field alpha? number concentration: 100 is nearly even, 0.1 nearly one label each (default: `0.5`)
---@field by? "hospital"|"label" what a draw runs over. hospital: each label is spread over hospitals, sizes differ; label: each hospital has its mix of labels, sizes are equal (default: `"hospital"`)
---@field count? integer how many hospitals (default: as many as the scenario has)
---@field minimum? integer patients that each hospital gets at least (default: `10`)

---Labels unevenly spread, more so the smaller alpha.
---by label: Hsu, Qi and Brown 2019; by hospital: Yurochkin et al. 2019, Li et al. 2022
---@param fields? partition_dirichlet_fields
---@return partition_part
function partition.dirichlet(fields) end

---@class partition_iid_fields
---@field count? integer how many hospitals (default: as many as the scenario has)

---Patients at random, as many for each hospital.
---@param fields? partition_iid_fields
---@return partition_part
function partition.iid(fields) end

---@class partition_quantity_fields
---@field alpha? number sizes in proportion to a draw from Dirichlet(alpha) (default: `0.5`)
---@field exponent? number instead: the i-th hospital's size in proportion to i^-exponent
---@field count? integer how many hospitals (default: as many as the scenario has)
---@field minimum? integer patients that each hospital gets at least (default: `10`)

---Patients at random, unevenly many for each hospital.
---Li et al. 2022 (quantity skew)
---@param fields? partition_quantity_fields
---@return partition_part
function partition.quantity(fields) end

---@class partition_shards_fields
---@field per_hospital? integer shards for each (default: `2`)
---@field count? integer how many hospitals (default: as many as the scenario has)

---Patients sorted by label, cut into shards, so many for each hospital.
---McMahan et al. 2017
---@param fields? partition_shards_fields
---@return partition_part
function partition.shards(fields) end

---@class personal_part: part
personal = {}

---@class personal_ditto_fields
---@field lambda? number strength of the pull; 0: models of their own, large: the global one (default: `1`)
---@field epochs? number epochs of the own model in each training (default: those of training)
---@field rate? number learning rate of the own model (default: that of training)

---Each hospital trains a model of its own beside the global one, pulled towards it by lambda/2 |v - w_global|^2, and is scored with its own. The second training takes time on the clock; nothing more travels.
---Li et al. 2021, Ditto: Fair and Robust Federated Learning Through Personalization, Algorithm 1
---@param fields? personal_ditto_fields
---@return personal_part
function personal.ditto(fields) end

---@class personal_envelope_fields
---@field lambda? number strength of the pull between both models (default: `15`)
---@field inner? integer steps of the own model in each of the shared one (K) (default: `5`)
---@field rate? number learning rate of the shared model (eta); that of the own one is training's (default: `0.005`)

---Each hospital has a model of its own near the shared one: on the rows of each step `inner` steps of training's rate bring it near the least of f(v) + lambda/2 |v - w|^2, and then w <- w - rate lambda (w - v). w travels; a hospital is scored with its v of the last training. All steps take time on the clock; nothing more travels.
---Dinh, Tran, Nguyen 2020, Personalized Federated Learning with Moreau Envelopes (pFedMe), Algorithm 1
---@param fields? personal_envelope_fields
---@return personal_part
function personal.envelope(fields) end

---@class personal_fine_tuned_fields
---@field epochs? number epochs at home (default: `1`)
---@field rate? number learning rate of the own model (default: that of training)

---Each hospital is scored with the global model after a little more training on its own rows. That happens beside the run, whenever it is measured, and is not on the clock.
---Wang et al. 2019, Federated Evaluation of On-device Personalization
---@param fields? personal_fine_tuned_fields
---@return personal_part
function personal.fine_tuned(fields) end

---@class personal_layers_fields
---@field keep? "head"|"norm"|integer|(string)[] what stays: "head" (the output layer), "norm" (scale, shift and statistics of every normalised layer), a number of last layers, or a list of names: layers ("hidden2") or arrays ("output.bias") (default: `"head"`)
---@field alternate? number|none|false epochs in which a hospital trains the kept layers alone, before it trains the others alone as long as training says (default: none: all layers are trained together)
---@field new_epochs? number epochs in which a hospital that has no layers of its own fits them (default: `10`)
---@field rate? number learning rate of the kept layers where they are trained alone (default: that of training)

---Some layers of the model stay at the hospital; the others travel and are averaged, and nothing else is a part of messages, sums, noise or compression. Each hospital is scored with the shared layers and its own. One that has none of its own yet (it never trained, or is external) is scored after fitting them, from the initial ones, to its training rows, which is not on the clock; where batch normalisation stays, by taking the statistics of those rows, whose outcomes nobody looks at.
---Arivazhagan et al. 2019, Federated Learning with Personalization Layers, Algorithm 1; Collins et al. 2021, Exploiting Shared Representations for Personalized Federated Learning, Algorithm 1; norm: Li, Jiang, Zhang, Kamp, Dou 2021, FedBN: Federated Learning on Non-IID Features via Local Batch Normalization, Algorithm 1
---@param fields? personal_layers_fields
---@return personal_part
function personal.layers(fields) end

---@class personal_mixture_fields
---@field alpha? number share of the own model; 0: the global model, 1: training alone. With adapt: at the start (default: `0.5`)
---@field adapt? boolean every hospital moves its share by a step of descent at the first step of each training, the adaptive variant (default: `false`)

---Each hospital mixes a model of its own with the shared one, alpha v + (1 - alpha) w, and is scored with the mixture, w being the newest global model. On the rows of every step w trains as without it, and v by the gradient at the mixture; the second gradient is on the clock. Nothing more travels.
---Deng, Kamani, Mahdavi 2020, Adaptive Personalized Federated Learning (APFL), Algorithm 1
---@param fields? personal_mixture_fields
---@return personal_part
function personal.mixture(fields) end

---@class positive_part: part

---@class positive_fields
---@field column string|column_part which column
---@field above? number a larger value is an event (default: `0`)
---@field values? (string|number)[]|string|number instead: these values are events

---A yes-or-no outcome from a column: an event is a value above 0, or one of some values.
---@param column string|column_part|positive_fields
---@param above? number
---@param values? (string|number)[]|string|number
---@return positive_part
function positive(column, above, values) end

---@class pre_part: part
pre = {}

---@class pre_arc_fields
---@field byzantine? integer|fraction attackers that it is told of: a count, or a fraction of the updates (default: 20 %)

---Adaptive robust clipping: the longest 2 f (n - f) / n updates are shortened to the length of the next.
---Allouah et al. 2024, Adaptive Gradient Clipping for Robust Federated Learning, Algorithm 2
---@param fields? pre_arc_fields
---@return pre_part
function pre.arc(fields) end

---@class pre_bucketing_fields
---@field size? integer updates in a bucket; the last one may hold fewer (default: `2`)

---The means of random buckets of updates take their place.
---Karimireddy, He, Jaggi 2022, Byzantine-Robust Learning on Heterogeneous Datasets via Bucketing, Algorithm 1
---@param fields? pre_bucketing_fields
---@return pre_part
function pre.bucketing(fields) end

---@class pre_clipping_fields
---@field norm number the bound

---Updates longer than a bound are shortened to it.
---Sun et al. 2019, Can You Really Backdoor Federated Learning?, section 5
---@param norm number|pre_clipping_fields
---@return pre_part
function pre.clipping(norm) end

---@class pre_nnm_fields
---@field byzantine? integer|fraction attackers that it is told of: a count, or a fraction of the updates (default: 20 %)

---Nearest-neighbour mixing: each update becomes the mean of its n - f nearest.
---Allouah et al. 2023, Fixing by Mixing, Algorithm 2
---@param fields? pre_nnm_fields
---@return pre_part
function pre.nnm(fields) end

---@class privacy_part: part
privacy = {}

---@class privacy_account_fields
---@field q? number share of the records in a step (default: `1`)
---@field sigma? number noise multiplier: standard deviation of the noise on the sum over the clipping bound
---@field steps? integer number of steps
---@field phases? (table<string, number>)[] several kinds of steps instead: { { q = 0.01, sigma = 1, steps = 1000 }, ... }
---@field delta? number answers epsilon at this delta
---@field epsilon? number answers delta at this epsilon
---@field target_epsilon? number the epsilon to be reached
---@field sampling? "none"|"poisson"|"without_replacement"|"shuffled" how a step finds its records (default: poisson where q is below 1, else none)
---@field adjacency? "add_remove"|"replace_one" which data sets are neighbours (default: replace_one without replacement, else add_remove)
---@field accountants? ("rdp"|"pld"|"prv"|"gdp"|"zcdp"|"advanced"|"classic")[] only these accountants (default: all that can treat the plan)
---@field records? integer most records of one unit (default: `1`)
---@field unit? string what is protected, for the statement (default: `"record"`)
---@field orders? "standard"|"opacus"|"tf_privacy"|"integer"|"fine"|"dp_accounting"|vec|number[] Renyi orders: a grid by name, or numbers above 1 (default: `"standard"`)

---What noisy steps cost: a list with a table per accountant (accountant, epsilon, delta, sigma, steps, order, lower, upper, sampling, adjacency, unit, guarantee, says). With delta it answers epsilon, with epsilon delta; with target_epsilon and delta, the noise (without sigma) or the number of steps (without steps).
---Mironov, Talwar, Zhang 2019; Doroshenko et al. 2022; Gopi, Lee, Wutschitz 2021
---@param fields? privacy_account_fields
---@return privacy_part
function privacy.account(fields) end

---@class privacy_distributed_fields
---@field epsilon? number what all releases of a run may cost
---@field noise? number noise multiplier of a sum in which every expected hospital's share has arrived: standard deviation over clip; 0: no privacy, for comparison
---@field clip? number bound on the norm of an update (default: `1`)
---@field delta? number probability beyond epsilon; far below 1 over the hospitals (default: `1e-05`)
---@field mechanism? "discrete_gaussian"|"skellam" law of the integer noise of each hospital (default: `"discrete_gaussian"`)
---@field colluding? integer hospitals that may tell the server all they have: their noise does not count (default: `0`)

---Hospital-level differential privacy without a trusted server: each hospital cuts its update, rounds it to a lattice, adds its share of integer noise and sends it into a secure sum, which alone is seen. The guarantee is for the fewest hospitals whose sum is ever unmasked; what dropouts take away of the noise is in what was spent. Needs secure = secure.pairwise {}.
---Kairouz, Liu, Steinke 2021; Agarwal, Kairouz, Liu 2021; Canonne, Kamath, Steinke 2020
---@param fields? privacy_distributed_fields
---@return privacy_part
function privacy.distributed(fields) end

---@class privacy_hospital_fields
---@field epsilon? number what all releases of a run may cost
---@field noise? number noise multiplier: standard deviation of the noise on a sum of updates over clip; 0: no privacy, for comparison
---@field clip? number bound on the norm of a hospital's update; under adaptive clipping where it starts (default: `1`)
---@field delta? number probability beyond epsilon; far below 1 over the hospitals (default: `1e-05`)
---@field accountant? "rdp"|"pld" who computes epsilon: rdp at once, pld tighter and slower (default: `"rdp"`)
---@field clipping? "fixed"|"per_layer"|"adaptive" fixed: one norm for the whole update; per_layer: each of L tensors is cut to clip / sqrt(L); adaptive: the bound follows a quantile of the norms, told with noise of its own (default: `"fixed"`)
---@field over_rounds? "independent"|"tree"|"banded" how the noise of different rounds goes together. independent: each round has its own; tree (DP-FTRL) and banded (matrix factorisation): most of it cancels in what the rounds add up to, so that a run with hospitals that take part seldom gets by with less (default: `"independent"`)
---@field separation? integer a hospital rests until so many rounds after the last one that it was part of, which bounds how often it can be (default: tree, banded: a turn of selection.round_robin, else 1; independent: it never rests)
---@field bands? integer banded: rounds over which noise is correlated (default: separation)
---@field restart? integer tree: rounds of one tree, after which the next starts; every tree costs (default: all planned rounds)
---@field quantile? number adaptive: share of the updates that shall lie within the bound (default: `0.5`)
---@field adapt_rate? number adaptive: the bound is multiplied by exp(-adapt_rate (share - quantile)) (default: `0.2`)
---@field count_noise? number adaptive: standard deviation of the noise on the count of updates within the bound (default: a twentieth of the expected participants, at least noise)

---Hospital-level differential privacy at the server (DP-FedAvg): each update is cut to a norm, Gaussian noise is added to their sum, and it is divided by the number of hospitals that is expected. Protects all patients of a hospital together against those who see the versions, and trusts the server. With 10 to 50 hospitals the noise drowns most models: the output says by how much.
---McMahan, Ramage, Talwar, Zhang 2018; Andrew et al. 2021 (adaptive clipping); Kairouz et al. 2021 (tree); Choquette-Choo et al. 2023, Kalinin, Lampert 2024 (banded)
---@param fields? privacy_hospital_fields
---@return privacy_part
function privacy.hospital(fields) end

---@class privacy_local_dp_fields
---@field epsilon? number what all releases of a run may cost
---@field noise? number noise multiplier: standard deviation of the noise on every value of an update over clip; 0: no privacy, for comparison
---@field clip? number bound on the norm of an update (default: `1`)
---@field delta? number probability beyond epsilon; far below 1 over the hospitals (default: `1e-05`)
---@field accountant? "rdp"|"pld" who computes epsilon: rdp at once, pld tighter and slower (default: `"rdp"`)
---@field clipping? "fixed"|"per_layer" fixed: one norm for the whole update; per_layer: each of L tensors is cut to clip / sqrt(L) (default: `"fixed"`)

---Local differential privacy of hospitals: each cuts its update and adds the noise itself before it leaves, so nobody has to be trusted. Neighbours are any two data sets of a hospital (replace-one), and no noise is shared: models are worse than under privacy.hospital by far. Any rule of aggregation is allowed.
---Kasiviswanathan et al. 2011; Balle, Wang 2018
---@param fields? privacy_local_dp_fields
---@return privacy_part
function privacy.local_dp(fields) end

---@class privacy_patient_fields
---@field epsilon? number what all releases of a run may cost
---@field noise? number noise multiplier: standard deviation of the noise on the sum of a step over clip; 0: no privacy, for comparison
---@field clip? number bound on the norm of the sum of a patient's gradients (default: `1`)
---@field delta? number probability beyond epsilon; far below 1 over the patients of a hospital (default: `1e-05`)
---@field accountant? "rdp"|"pld" who computes epsilon: rdp at once, pld tighter and slower (default: `"rdp"`)

---Patient-level differential privacy inside every hospital: as privacy.record, but a coin takes all rows of a patient together, and it is the sum of their gradients that is cut. Protects a patient with several encounters as a whole; of more than 64 rows of one the first count.
---Abadi et al. 2016; McMahan, Ramage, Talwar, Zhang 2018 (users instead of examples)
---@param fields? privacy_patient_fields
---@return privacy_part
function privacy.patient(fields) end

---@class privacy_record_fields
---@field epsilon? number what all releases of a run may cost
---@field noise? number noise multiplier: standard deviation of the noise on the sum of a step over clip; 0: no privacy, for comparison
---@field clip? number bound on the norm of a row's gradient (default: `1`)
---@field delta? number probability beyond epsilon; far below 1 over the rows of a hospital (default: `1e-05`)
---@field accountant? "rdp"|"pld" who computes epsilon: rdp at once, pld tighter and slower (default: `"rdp"`)

---Record-level differential privacy inside every hospital (DP-SGD): each step takes every row by a coin of its own, cuts the gradient of each row, adds Gaussian noise to their sum and divides by the rows that are expected. A ledger accounts for every hospital: what is guaranteed before the run, and what was spent in it. With epsilon alone the noise is solved for each hospital and all planned rounds; with noise alone epsilon is told; with both a hospital stops when epsilon is spent.
---Abadi et al. 2016; Mironov, Talwar, Zhang 2019
---@param fields? privacy_record_fields
---@return privacy_part
function privacy.record(fields) end

---@class protocol_part: part
protocol = {}

---@class protocol_async_fields
---@field alpha? number share of a fresh model (default: `0.6`)
---@field concurrency? all|integer|fraction hospitals at work at a time: a count, fraction(0.5) or all (default: what participants says)
---@field staleness? staleness_part how much an update counts that comes from an old version (default: staleness.polynomial { a = 0.5 })
---@field staleness_most? integer an update from a version older than this is left out (default: none is too old)
---@field rest? time how long a hospital is not asked again after a visit that brought nothing (default: 1 min)
---@field control? data size of what travels beside the parameters, each way (default: 1 kB)

---No common rounds: every update that arrives is mixed into the model and makes a version: w becomes (1 - alpha s) w + alpha s w', w' being the hospital's model and s what its staleness leaves of it.
---Xie, Koyejo, Gupta 2019, Asynchronous Federated Optimization, Algorithm 1
---@param fields? protocol_async_fields
---@return protocol_part
function protocol.async(fields) end

---@class protocol_buffered_fields
---@field buffer? integer updates that make a version (default: 10, or half of the hospitals at work where that is less)
---@field concurrency? all|integer|fraction hospitals at work at a time: a count, fraction(0.5) or all (default: what participants says)
---@field staleness? staleness_part how much an update counts that comes from an old version (default: staleness.polynomial { a = 0.5 })
---@field staleness_most? integer an update from a version older than this is left out (default: none is too old)
---@field rest? time how long a hospital is not asked again after a visit that brought nothing (default: 1 min)
---@field control? data size of what travels beside the parameters, each way (default: 1 kB)

---No common rounds: whoever replied makes room for another hospital at once, and every `buffer` updates make a version, those from old versions counting less.
---Nguyen et al. 2022, Federated Learning with Buffered Asynchronous Aggregation, Algorithm 1
---@param fields? protocol_buffered_fields
---@return protocol_part
function protocol.buffered(fields) end

---@class protocol_cyclic_fields
---@field order? "given"|"shuffled" whose turn is next: as hospitals are listed, or drawn anew in each round (default: `"given"`)
---@field pause? time from the end of a round to the next invitation (default: 0 ns)
---@field control? data size of what travels beside the parameters, each way (default: 1 kB)

---One model goes from hospital to hospital, each trains it and sends it on: no server, and nobody aggregates. A round is once round all hospitals and makes a version. deadline is that of a turn, from the sending of the model to the end of the training: who has not trained by then is skipped, and the model stays with whom it was. rounds = 1 is institutional incremental learning.
---Chang et al. 2018, Distributed deep learning networks among institutions for medical imaging, cyclical weight transfer; Sheller et al. 2019, Multi-institutional Deep Learning Modeling Without Sharing Patient Data
---@param fields? protocol_cyclic_fields
---@return protocol_part
function protocol.cyclic(fields) end

---@class protocol_gossip_fields
---@field graph? "ring"|"complete"|"regular"|"matching"|"exponential" who are neighbours: each and the next, all, degree others drawn once, one other drawn anew in each round, or the one 1, 2, 4, ... places on (default: `"ring"`)
---@field degree? integer neighbours of each, of a regular graph (default: 4)
---@field exchange? "average"|"push_sum" average: two neighbours mix when each has the other's model (Metropolis weights); push_sum: a share is sent away with its weight, and kept when it does not arrive (default: `"average"`)
---@field pause? time from the end of a round to the next invitation (default: 0 ns)
---@field control? data size of what travels beside the parameters, each way (default: 1 kB)

---No server: every hospital has a model of its own, trains it, sends it to its neighbours and mixes what it gets. Rounds open for all at once; deadline is that of a round, from training to the last message. Hospitals are scored with their own models; versions, model.npz and external hospitals have the mean of all, which nobody holds.
---Lian et al. 2017, Can Decentralized Algorithms Outperform Centralized Algorithms?, Algorithm 1 (average); Assran et al. 2019, Stochastic Gradient Push for Distributed Deep Learning, Algorithm 1 (push_sum)
---@param fields? protocol_gossip_fields
---@return protocol_part
function protocol.gossip(fields) end

---@class protocol_hierarchical_fields
---@field regional_rounds? integer rounds of a region in one of the server (default: `1`)
---@field global_deadline? time of a round of the server (default: so many times deadline as there are regional rounds, and once more)
---@field minimum_regions? integer with fewer sums the round fails and the model stays as it is (default: two thirds of the regions, rounded up)
---@field aggregators? table<string, string> hospitals whose machines aggregate, by region (default: a machine of its own in each region, always up)
---@field link? bandwidth|table<string, bandwidth> of such a machine: up carries what it sends, down what it receives (default: 1 Gbit/s)
---@field over_selection? number invite this many times the participants; the round closes when enough replied (default: `1`)
---@field minimum_replies? integer with fewer a regional round fails and the region's model stays as it is (default: max(2, two thirds of the region's participants, rounded up))
---@field pause? time from the end of a round to the next invitation (default: 0 ns)
---@field control? data size of what travels beside the parameters, each way (default: 1 kB)

---Hospitals, an aggregator for each region, a server. In every round a region gets the model, makes regional_rounds of its own with its hospitals, and sends the sum of what they learnt. Regions are those that hospitals name. Nothing of one hospital leaves its region: a sum is of two hospitals at least, and the report says what crossed. deadline is that of a regional round; participants and minimum_replies are of each region.
---Liu et al. 2020, Client-Edge-Cloud Hierarchical Federated Learning, Algorithm 1
---@param fields? protocol_hierarchical_fields
---@return protocol_part
function protocol.hierarchical(fields) end

---@class protocol_semi_sync_fields
---@field every? time from one version to the next (default: 30 min)
---@field concurrency? all|integer|fraction hospitals at work at a time: a count, fraction(0.5) or all (default: what participants says)
---@field staleness? staleness_part how much an update counts that comes from an old version (default: staleness.polynomial { a = 0.5 })
---@field staleness_most? integer an update from a version older than this is left out (default: none is too old)
---@field rest? time how long a hospital is not asked again after a visit that brought nothing (default: 1 min)
---@field control? data size of what travels beside the parameters, each way (default: 1 kB)

---A version at fixed times, made of the updates that have arrived by then; whoever is idle is sent it, whoever is still at work counts in a later one.
---@param fields? protocol_semi_sync_fields
---@return protocol_part
function protocol.semi_sync(fields) end

---@class protocol_swarm_fields
---@field aggregator? "rotating"|"drawn" who aggregates: the next of the list, or one drawn in each round (default: `"rotating"`)
---@field over_selection? number invite this many times the participants; the round closes when enough replied (default: `1`)
---@field minimum_replies? integer with fewer the round fails and the model stays as it is (default: max(2, two thirds of the participants, rounded up))
---@field pause? time from the end of a round to the next invitation (default: 0 ns)
---@field control? data size of what travels beside the parameters, each way (default: 1 kB)

---No server: in every round another hospital gathers the updates and makes the next version, which hospitals get from it at the beginning of the next round. One that is down or cut off when its turn comes is passed over; where it goes in the middle of its round that round fails. Who aggregates sees every update of its round.
---Warnat-Herresthal et al. 2021, Swarm Learning for decentralized and confidential clinical machine learning
---@param fields? protocol_swarm_fields
---@return protocol_part
function protocol.swarm(fields) end

---@class protocol_sync_fields
---@field over_selection? number invite this many times the participants; the round closes when enough replied (default: `1`)
---@field minimum_replies? integer with fewer the round fails and the model stays as it is (default: max(2, two thirds of the participants, rounded up))
---@field pause? time from the end of a round to the next invitation (default: 0 ns)
---@field control? data size of what travels beside the parameters, each way (default: 1 kB)

---Synchronous rounds: invite, wait for enough replies or the deadline, aggregate.
---Bonawitz et al. 2019, Towards Federated Learning at Scale
---@param fields? protocol_sync_fields
---@return protocol_part
function protocol.sync(fields) end

---@class resumable_part: part

---@class resumable_fields
---@field chunk? data a chunk of which a part has arrived is sent again (default: 1 MB)
---@field round_trips? integer of questions and answers before the first byte, of two latencies each (default: `1`)
---@field handshake? data bytes of these questions, on the way of the transfer (default: 1 kB)

---Transfers go in chunks that are kept on disk where they arrive. One that is stopped goes on behind the last whole chunk, once both ends have agreed on which that is; an update on its way outlasts even a machine that goes down (world.hospital[name]:outage) and the hospital's invitation with it.
---Bishop et al., Resumable uploads for HTTP (IETF draft-ietf-httpbis-resumable-upload)
---@param fields? resumable_fields
---@return resumable_part
function resumable(fields) end

---@class scenario_part: part

---@class scenario_fields
---@field title? string one line that says what the scenario shows
---@field seed? integer of everything random; --seed overrides it (default: `1`)
---@field hospitals? hospitals_part size, machine, link and habits of each (default: eight hospitals)
---@field cohort cohort_part the patients
---@field model? model_part what is trained (default: model.logistic {})
---@field training? training_part how a hospital trains (default: training.sgd {})
---@field rounds? integer how many rounds (default: 30)
---@field participants? all|integer|fraction hospitals invited to a round: a count, fraction(0.75) or all (default: all up to 50 hospitals, then 20)
---@field selection? selection_part who is invited, instead of participants
---@field deadline? time|none|false a round closes at the latest so long after it opened (default: 30 minutes)
---@field strategy? strategy_part|composition_part a named set of choices for the parts below (default: strategy.fedavg {})
---@field protocol? protocol_part when rounds open and close (default: protocol.sync {})
---@field objective? objective_part|none|false what is minimised beside the loss
---@field personal? personal_part|none|false models that stay at the hospitals, with which they are scored
---@field stragglers? stragglers_part|none|false who finishes only a part of a training
---@field secure? secure_part|none|false how updates are summed so that the server sees none
---@field compression? compression_part|none|false how vectors are made shorter for the wires
---@field aggregation? aggregation_part how updates become one (default: aggregation.mean {})
---@field server? server_part what the server does with the aggregate (default: server.sgd {})
---@field privacy? privacy_part|none|false what protects the patients: privacy.record { epsilon = 3 }
---@field attacks? (attack_part)[]|attack_part|none|false hospitals that do harm: { attack.sign_flip { who = fraction(0.2) } }
---@field network? network_part the wires (default: network.star {})
---@field timeline? (happening_part)[] what happens when: at(days(2), f), every(hours(6), f)
---@field measure? measure_part what the experimenter looks at (default: measure { "auroc", "auprc", "brier", "calibration" })
---@field baselines? boolean|(baseline_part)[] references beside the federation: pooled and local_only; false: neither they nor what could be achieved at best (default: `true`)
---@field audit? audit_part|none|false what the finished model gives away: audit.membership {}
---@field stop? stop_part|none|false when to end before the last round

---One world: who the hospitals are, what data they hold, how they learn together.
---@param fields? scenario_fields
---@return scenario_part
function scenario(fields) end

---@class schedule_part: part
schedule = {}

---@class schedule_constant_fields
---@field rate number learning rate at the start, after warm-up
---@field warmup? integer rounds over which the rate first rises linearly from zero (default: `0`)

---The same rate in every round.
---@param fields? schedule_constant_fields
---@return schedule_part
function schedule.constant(fields) end

---@class schedule_cosine_fields
---@field rate number learning rate at the start, after warm-up
---@field rounds integer rounds until the rate has reached its end, warm-up included
---@field rate_end? number rate from then on (default: `0`)
---@field warmup? integer rounds over which the rate first rises linearly from zero (default: `0`)

---The rate falls along half a cosine, then stays.
---Loshchilov and Hutter 2017
---@param fields? schedule_cosine_fields
---@return schedule_part
function schedule.cosine(fields) end

---@class schedule_exponential_fields
---@field rate number learning rate at the start, after warm-up
---@field decay number factor per round
---@field warmup? integer rounds over which the rate first rises linearly from zero (default: `0`)

---The rate falls by a factor in every round.
---@param fields? schedule_exponential_fields
---@return schedule_part
function schedule.exponential(fields) end

---@class schedule_linear_fields
---@field rate number learning rate at the start, after warm-up
---@field rounds integer rounds until the rate has reached its end, warm-up included
---@field rate_end? number rate from then on (default: `0`)
---@field warmup? integer rounds over which the rate first rises linearly from zero (default: `0`)

---The rate falls along a line, then stays.
---@param fields? schedule_linear_fields
---@return schedule_part
function schedule.linear(fields) end

---@class schedule_step_fields
---@field rate number learning rate at the start, after warm-up
---@field decay number factor of each fall
---@field every integer rounds between falls
---@field warmup? integer rounds over which the rate first rises linearly from zero (default: `0`)

---The rate falls by a factor every so many rounds.
---@param fields? schedule_step_fields
---@return schedule_part
function schedule.step(fields) end

---@class secure_part: part
secure = {}

---@class secure_light_fields
---@field colluding? integer|fraction hospitals that learn nothing though they collude with the server: a count, or fraction(0.2) of those invited, rounded up. With more they begin to (default: 30 %)
---@field dropouts? integer|fraction hospitals that may be lost in a round: a count, or fraction(0.3) of those invited, rounded up (default: 20 %)
---@field survivors? integer|fraction hospitals that must answer in every phase, else the round fails: a count, or fraction(0.7) of those invited, rounded up. More than `colluding`, and no more than are left after `dropouts`. Fewer make longer pieces (default: all but `dropouts`)
---@field clip? number every value of an update is held to this absolute value (default: `8`)
---@field bits? integer of a value on the wire, before the bits that the sum needs (default: `24`)
---@field rows_max? integer a hospital with more training rows weighs as one with so many; public (default: `10000`)
---@field wait? time longest wait for the answers to a phase of keys or shares (default: 2 min)
---@field fidelity? "real"|"cost" real: the cryptography is computed; cost: the same messages, times and sums without it (default: `"real"`)

---Secure sums by one mask per hospital: coded pieces of it go to all others before the training, sealed; afterwards each survivor tells the sum of the pieces of all that are in the sum, and so many of these sums as `survivors` give the sum of the masks at one stroke, however many were lost. A hospital sends each other m / (survivors - colluding) values more than secure.pairwise; the server's work does not grow with the hospitals that are lost. Against a server and hospitals that follow the protocol.
---So et al. 2022, LightSecAgg: a Lightweight and Versatile Design for Secure Aggregation in Federated Learning, algorithm 1
---@param fields? secure_light_fields
---@return secure_part
function secure.light(fields) end

---@class secure_paillier_fields
---@field key? "threshold"|"hospitals"|"coordinator" threshold: each hospital has a share of it, and so many together decrypt; hospitals: all of them have it, and the server has not: one with the server reads every update; coordinator: the server has it, and could read every update itself (default: `"threshold"`)
---@field key_bits? integer of n, a multiple of 128; below 2048 for trials only (default: `2048`)
---@field threshold? integer|fraction hospitals whose updates must arrive, else the round fails, and where the key is in shares so many decrypt: a count, or fraction(0.6) of those invited (default: two thirds of those invited, rounded down, and one; two where the key is not in shares)
---@field clip? number every value of an update is held to this absolute value (default: `8`)
---@field bits? integer of a value on the wire, before the bits that the sum needs (default: `24`)
---@field rows_max? integer a hospital with more training rows weighs as one with so many; public (default: `10000`)
---@field wait? time longest wait for the answers of those who decrypt (default: 2 min)
---@field fidelity? "real"|"cost" real: the cryptography is computed; cost: the same messages, times and sums without it (default: `"real"`)

---Sums of encrypted updates, for small vectors: hospitals send ciphertexts, which the server multiplies; the product holds the sum of whoever arrived. Values are packed side by side. No phase comes before the training: keys are those of the run, given out by somebody who is trusted and forgets them. Who could read what depends on the key, and the report says it. Against parties that follow the protocol.
---Paillier 1999, Public-Key Cryptosystems Based on Composite Degree Residuosity Classes; by a threshold: Damgard and Jurik 2001
---@param fields? secure_paillier_fields
---@return secure_part
function secure.paillier(fields) end

---@class secure_pairwise_fields
---@field threshold? integer|fraction hospitals that must answer in every phase, else the round fails: a count, or fraction(0.6) of those invited. So many colluding with the server read any update (default: two thirds of those invited, rounded down, and one)
---@field adversary? "semi_honest"|"active" semi_honest: the server follows the protocol; active: it may lie. Then 2 t - n - 1 hospitals may collude with it, t the threshold, which is more than half (default: `"semi_honest"`)
---@field tampering? tampering_part|none|false how the server lies: to see that it is caught, or what it reads
---@field clip? number every value of an update is held to this absolute value (default: `8`)
---@field bits? integer of a value on the wire, before the bits that the sum needs (default: `24`)
---@field rows_max? integer a hospital with more training rows weighs as one with so many; public (default: `10000`)
---@field wait? time longest wait for the answers to a phase of keys or shares (default: 2 min)
---@field fidelity? "real"|"cost" real: the cryptography is computed; cost: the same messages, times and sums without it (default: `"real"`)

---Secure sums by pairwise masks: the server learns the weighted sum of the updates of a round and no single one. Every round has four phases on the clock: hospitals advertise keys, share secrets, send masked updates, and unmask the sum of those that arrived. Against a server and hospitals that follow the protocol and remember what they see; with adversary = "active" against a server that lies: keys are signed, and one phase more makes sure that all were told of the same survivors.
---Bonawitz et al. 2017, Practical Secure Aggregation for Privacy-Preserving Machine Learning, figure 4 (semi-honest, and active)
---@param fields? secure_pairwise_fields
---@return secure_part
function secure.pairwise(fields) end

---@class secure_secagg_plus_fields
---@field colluding? integer|fraction hospitals that may collude with the server: a count, or fraction(0.2) of those invited, rounded up (default: 10 %)
---@field dropouts? integer|fraction hospitals that may be lost in a round, which fails with more: a count, or fraction(0.3) of those invited, rounded up (default: 20 %)
---@field clip? number every value of an update is held to this absolute value (default: `8`)
---@field bits? integer of a value on the wire, before the bits that the sum needs (default: `24`)
---@field rows_max? integer a hospital with more training rows weighs as one with so many; public (default: `10000`)
---@field wait? time longest wait for the answers to a phase of keys or shares (default: 2 min)
---@field fidelity? "real"|"cost" real: the cryptography is computed; cost: the same messages, times and sums without it (default: `"real"`)

---Secure sums by masks between neighbours: as secure.pairwise, but each hospital agrees on masks and shares secrets with a few others, whose number grows with the logarithm of all. They are drawn anew for each round. How many they are, and how many of them give a secret, follows from how many may collude and how many may be lost: unsafe with probability 2^-40 at most, failing for lack of shares with 2^-20.
---Bell et al. 2020, Secure Single-Server Aggregation with (Poly)Logarithmic Overhead, algorithm 2 (semi-honest)
---@param fields? secure_secagg_plus_fields
---@return secure_part
function secure.secagg_plus(fields) end

---@class secure_shares_fields
---@field servers? integer among which a hospital splits its update: the server and one or two others (default: `2`)
---@field threshold? integer|fraction hospitals whose shares all servers must have, else the round fails: a count, or fraction(0.6) of those invited. Servers tell no sum of fewer (default: two thirds of those invited, rounded down, and one)
---@field rate? bandwidth of the other servers' lines, each way (default: 1 Gbit/s)
---@field latency? time of the same, one way (default: 10 ms)
---@field availability? availability_part|(availability_part)[]|none|false when the other servers are up: each has outages of its own (default: always)
---@field clip? number every value of an update is held to this absolute value (default: `8`)
---@field bits? integer of a value on the wire, before the bits that the sum needs (default: `24`)
---@field rows_max? integer a hospital with more training rows weighs as one with so many; public (default: `10000`)
---@field wait? time how long a hospital waits for a server that is down, and how long the servers may take to agree whose shares they have and to find the result (default: 2 min)
---@field fidelity? "real"|"cost" real: the cryptography is computed; cost: the same messages, times and sums without it (default: `"real"`)

---Sums of shares at two or three servers that do not collude: every hospital splits its update into one share for each, all but one of them a seed of 32 bytes; each server sums the shares of the hospitals that all servers have, and the sums are put together. No keys are exchanged before the training, and a hospital that is lost costs nobody a second try. A server that is down fails the round. aggregation.median and trimmed_mean are charged as the servers' comparisons of shares would cost, and simulated.
---Corrigan-Gibbs and Boneh 2017, Prio: Private, Robust, and Scalable Computation of Aggregate Statistics, section 3 and appendix I (shares from seeds), without its proofs
---@param fields? secure_shares_fields
---@return secure_part
function secure.shares(fields) end

---@class selection_part: part
selection = {}

---@class selection_all_fields

---Every hospital is invited to every round.
---@param fields? selection_all_fields
---@return selection_part
function selection.all(fields) end

---@class selection_custom_fields
---@field choose function the function

---A choice written in Lua: selection(candidates, ctx) -> list of indices, where candidates is a list of names and ctx has seed and round.
---@param choose function|selection_custom_fields
---@return selection_part
function selection.custom(choose) end

---@class selection_oort_fields
---@field count integer|fraction how many, or fraction(0.5) of all
---@field exploration? number share of those who never replied, in the first round (default: `0.9`)
---@field decay? number what is left of that share after each round (default: `0.98`)
---@field exploration_least? number the share does not fall below (default: `0.2`)
---@field pace? time a reply that takes longer counts for less; so much more is allowed when rounds achieve less (default: 5 min)
---@field penalty? number how much less: (pace / duration) to this power (default: `2`)
---@field window? integer rounds that are compared with as many before to see that (default: `20`)
---@field cutoff? number who comes near the last place, by this factor, is drawn from, too (default: `0.95`)

---Those whose rows had the largest losses and whose replies were quick, drawn in proportion to both, and some of whom nothing is known yet, the faster machines more easily. Losses come with updates, and say something of the patients.
---Lai et al. 2021, Oort: Efficient Federated Learning via Guided Participant Selection, section 4, Algorithm 1
---@param fields? selection_oort_fields
---@return selection_part
function selection.oort(fields) end

---@class selection_poisson_fields
---@field rate number the probability

---Every hospital is invited with the same probability, independently.
---@param fields? selection_poisson_fields
---@return selection_part
function selection.poisson(fields) end

---@class selection_power_of_choice_fields
---@field count integer|fraction how many, or fraction(0.5) of all
---@field candidates integer how many are asked, at least as many as train
---@field wait? time longest wait for their answers, before the round opens (default: 2 min)

---Candidates drawn by training rows get the model and say how large its loss is on theirs; those with the largest train. The losses are messages: they take time, may be lost and say something of the patients.
---Cho, Wang, Joshi 2022, Towards Understanding Biased Client Selection in Federated Learning, section 3
---@param fields? selection_power_of_choice_fields
---@return selection_part
function selection.power_of_choice(fields) end

---@class selection_reliable_fields
---@field count integer|fraction how many, or fraction(0.5) of all

---Those who will probably answer, by how often each has answered before: the largest of one draw each from Beta(1 + replies, 1 + invitations without one), so that who was asked little is tried again.
---Thompson 1933, On the Likelihood that One Unknown Probability Exceeds Another
---@param fields? selection_reliable_fields
---@return selection_part
function selection.reliable(fields) end

---@class selection_round_robin_fields
---@field count integer|fraction how many, or fraction(0.5) of all

---One after the other, in a circle.
---@param fields? selection_round_robin_fields
---@return selection_part
function selection.round_robin(fields) end

---@class selection_uniform_fields
---@field count integer|fraction how many, or fraction(0.5) of all

---A fixed number of hospitals, drawn without replacement for each round.
---@param fields? selection_uniform_fields
---@return selection_part
function selection.uniform(fields) end

---@class selection_weighted_fields
---@field count integer|fraction how many, or fraction(0.5) of all

---Drawn without replacement, a hospital with twice the training rows twice as easily; one without rows is never invited.
---Efraimidis and Spirakis 2006, Weighted Random Sampling with a Reservoir, algorithm A
---@param fields? selection_weighted_fields
---@return selection_part
function selection.weighted(fields) end

---@class server_part: part
server = {}

---@class server_adagrad_fields
---@field rate? number server learning rate (default: `0.1`)
---@field beta1? number decay of the first moment (default: `0`)
---@field tau? number degree of adaptivity, added to the root (default: `0.001`)
---@field initial? number second moment before the first round (default: tau squared)

---Divides by the root of the sum of squared aggregates.
---Reddi et al. 2021, Adaptive Federated Optimization, Algorithm 2
---@param fields? server_adagrad_fields
---@return server_part
function server.adagrad(fields) end

---@class server_adam_fields
---@field rate? number server learning rate (default: `0.1`)
---@field beta1? number decay of the first moment (default: `0.9`)
---@field beta2? number decay of the second moment (default: `0.99`)
---@field tau? number degree of adaptivity, added to the root (default: `0.001`)
---@field initial? number second moment before the first round (default: tau squared)

---First and second moments of the aggregate, without bias correction.
---Reddi et al. 2021, Adaptive Federated Optimization, Algorithm 2
---@param fields? server_adam_fields
---@return server_part
function server.adam(fields) end

---@class server_sgd_fields
---@field rate? number server learning rate (default: `1`)
---@field momentum? number share of the last step that is kept (default: `0`)

---Adds the aggregate, times a rate, with momentum where asked (FedAvgM).
---Hsu, Qi, Brown 2019, Measuring the Effects of Non-Identical Data
---@param fields? server_sgd_fields
---@return server_part
function server.sgd(fields) end

---@class server_yogi_fields
---@field rate? number server learning rate (default: `0.1`)
---@field beta1? number decay of the first moment (default: `0.9`)
---@field beta2? number decay of the second moment (default: `0.99`)
---@field tau? number degree of adaptivity, added to the root (default: `0.001`)
---@field initial? number second moment before the first round (default: tau squared)

---Like adam, but the second moment grows and shrinks by the size of one square.
---Reddi et al. 2021, Adaptive Federated Optimization, Algorithm 2
---@param fields? server_yogi_fields
---@return server_part
function server.yogi(fields) end

---@class split_part: part
split = {}

---@class split_by_patient_fields
---@field patient string|column_part the column that names the patient
---@field train? number share of patients to learn from (default: 0.6, or what the others leave)
---@field validation? number share for choosing thresholds and tuning (default: 0.2, or 0 where another share is given)
---@field test? number share that results are measured on (default: 0.2, or what train leaves)
---@field test_minimum? integer events and non-events that test gets at least, up to half of them (default: `5`)

---As split.stratified, and all rows of a patient go to one split, at all hospitals.
---@param patient string|column_part|split_by_patient_fields
---@param train? number
---@param validation? number
---@param test? number
---@param test_minimum? integer
---@return split_part
function split.by_patient(patient, train, validation, test, test_minimum) end

---@class split_column_fields
---@field column string|column_part which column

---A column holds train, validation or test.
---@param column string|column_part|split_column_fields
---@return split_part
function split.column(column) end

---@class split_lines_fields
---@field train table<string, vec|number[]|(vec|number[])[]> hospital to line numbers
---@field validation? table<string, vec|number[]|(vec|number[])[]> hospital to line numbers
---@field test? table<string, vec|number[]|(vec|number[])[]> hospital to line numbers

---Lines of each hospital's file, from 1; lines that are not named are not used. A hospital with several files gets a list for each of them.
---@param fields? split_lines_fields
---@return split_part
function split.lines(fields) end

---@class split_stratified_fields
---@field train? number share of patients to learn from (default: 0.6, or what the others leave)
---@field validation? number share for choosing thresholds and tuning (default: 0.2, or 0 where another share is given)
---@field test? number share that results are measured on (default: 0.2, or what train leaves)
---@field test_minimum? integer events and non-events that test gets at least, up to half of them (default: `5`)

---At random, each class in the same shares; what the shares leave of 1 is not used.
---@param fields? split_stratified_fields
---@return split_part
function split.stratified(fields) end

---@class staleness_part: part
staleness = {}

---@class staleness_constant_fields

---An update counts in full, from however old a version it comes.
---Xie, Koyejo, Gupta 2019, Asynchronous Federated Optimization, 5.2
---@param fields? staleness_constant_fields
---@return staleness_part
function staleness.constant(fields) end

---@class staleness_hinge_fields
---@field a? number how fast it falls (default: `10`)
---@field b? number versions until it falls (default: `4`)

---An update counts in full up to b versions; one that is s versions old is then multiplied with 1 / (1 + a (s - b)).
---Xie, Koyejo, Gupta 2019, Asynchronous Federated Optimization, 5.2
---@param fields? staleness_hinge_fields
---@return staleness_part
function staleness.hinge(fields) end

---@class staleness_polynomial_fields
---@field a? number exponent (default: `0.5`)

---An update that is s versions old is multiplied with (1 + s)^-a.
---Xie, Koyejo, Gupta 2019, Asynchronous Federated Optimization, 5.2
---@param fields? staleness_polynomial_fields
---@return staleness_part
function staleness.polynomial(fields) end

---@class stop_part: part

---@class stop_fields
---@field after? time simulated time
---@field versions? integer versions of the model made
---@field auroc? number at least this macro AUROC
---@field loss? number at most this macro loss

---Ends a run early: when one of its conditions holds at the end of a round. A metric's macro average counts, measured by the experimenter.
---@param fields? stop_fields
---@return stop_part
function stop(fields) end

---@class stragglers_part: part
stragglers = {}

---@class stragglers_by_speed_fields
---@field target time how long a reply is to take from the invitation on, in the mean: about half of them take longer
---@field epochs_least? integer nobody is asked for fewer, however slow (default: `1`)
---@field first? "least"|"registered" before its first reply a hospital is asked for the least; or for what the machine would do in the target that it registered with, if nothing but training took time (default: `"least"`)
---@field newest? number weight of a reply in the estimates of a hospital's times, against all before it; 1: the last one alone counts (default: `0.5`)

---Each hospital is asked for as many epochs as fit into `target`, at most those of training. The server goes by what it can know: when it invited, when the reply came, and how long the hospital says that it trained. Who has not answered when the target is over is asked for half as many next.
---Li et al. 2020 (FedProx, section 3.2) lets the work differ between devices; the estimate is this program's own
---@param fields? stragglers_by_speed_fields
---@return stragglers_part
function stragglers.by_speed(fields) end

---@class stragglers_random_fields
---@field share number of the participants of a round, rounded to whole hospitals
---@field epochs_least? integer a straggler finishes at least so many epochs (default: `1`)
---@field epochs_most? integer and at most so many, each number as likely (default: one less than training has)
---@field work? "keep"|"drop" keep: what a straggler has done is sent and counts as any other update (FedProx); drop: it is given up (FedAvg) (default: `"keep"`)

---In every round some participants, drawn anew, finish only a part of their epochs in the time in which they would finish all. What that time is and whether they are late besides, machines and deadline say as ever.
---Li et al. 2020, Federated Optimization in Heterogeneous Networks (FedProx), section 5.2
---@param fields? stragglers_random_fields
---@return stragglers_part
function stragglers.random(fields) end

---@class strategy_part: part
strategy = {}

---@class strategy_afl_fields
---@field rate? number of the mixture: shares move by so much times a loss (default: `0.1`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---Agnostic federated learning: the model that is best for the worst mixture of hospitals. The server moves the mixture by the losses that hospitals tell with their updates.
---Mohri, Sivek, Suresh 2019, Agnostic Federated Learning, figure 2 (which makes one step a round: training.sgd { steps = 1 })
---@param fields? strategy_afl_fields
---@return strategy_part
function strategy.afl(fields) end

---@class strategy_apfl_fields
---@field adaptive? boolean every hospital moves its alpha by a step of descent in each training, as the paper's adaptive variant (default: `false`)
---@field alpha? number share of the own model; with adaptive: where it begins (default: `0.5`)
---@field weighted? boolean false: every hospital counts alike, as in the paper; true: by training rows (default: `false`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---Each hospital is scored with a mixture of a model of its own and the shared one, and trains its own for the mixture; the shared one is that of federated averaging.
---Deng, Kamani, Mahdavi 2020, Adaptive Personalized Federated Learning, Algorithm 1
---@param fields? strategy_apfl_fields
---@return strategy_part
function strategy.apfl(fields) end

---@class strategy_cyclic_fields
---@field order? "given"|"shuffled" whose turn is next (default: `"given"`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---One model goes from hospital to hospital, each trains it and sends it on.
---Chang et al. 2018, Distributed deep learning networks among institutions for medical imaging, cyclical weight transfer
---@param fields? strategy_cyclic_fields
---@return strategy_part
function strategy.cyclic(fields) end

---@class strategy_ditto_fields
---@field lambda? number strength of the pull; 0: models of their own, large: the global one (default: `1`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---Federated averaging, and at each hospital a model of its own that is pulled towards the global one; hospitals are scored with their own.
---Li et al. 2021, Ditto: Fair and Robust Federated Learning Through Personalization, Algorithm 1
---@param fields? strategy_ditto_fields
---@return strategy_part
function strategy.ditto(fields) end

---@class strategy_fedadagrad_fields
---@field beta1? number decay of the first moment (default: `0`)
---@field rate? number server learning rate (default: `0.1`)
---@field tau? number degree of adaptivity, added to the root (default: `0.001`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---The server divides by the root of the sum of squared aggregates.
---Reddi et al. 2021, Adaptive Federated Optimization, Algorithm 2
---@param fields? strategy_fedadagrad_fields
---@return strategy_part
function strategy.fedadagrad(fields) end

---@class strategy_fedadam_fields
---@field beta1? number decay of the first moment (default: `0.9`)
---@field beta2? number decay of the second moment (default: `0.99`)
---@field rate? number server learning rate (default: `0.1`)
---@field tau? number degree of adaptivity, added to the root (default: `0.001`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---The server takes steps as Adam does, without bias correction.
---Reddi et al. 2021, Adaptive Federated Optimization, Algorithm 2
---@param fields? strategy_fedadam_fields
---@return strategy_part
function strategy.fedadam(fields) end

---@class strategy_fedasync_fields
---@field alpha? number share of a fresh model in the next (default: `0.6`)
---@field mu? number strength of the pull towards the version that a hospital trains from (rho in the paper); 0: none (default: `0.005`)
---@field staleness? staleness_part how much of it is left to one from an old version (default: `staleness.polynomial { a = 0.5 }`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---No common rounds: every update that arrives is mixed into the model and makes a version, the less the older the version that it comes from.
---Xie, Koyejo, Gupta 2019, Asynchronous Federated Optimization, Algorithm 1
---@param fields? strategy_fedasync_fields
---@return strategy_part
function strategy.fedasync(fields) end

---@class strategy_fedavg_fields
---@field weighted? boolean by training rows; false: every hospital counts alike (default: `true`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---Federated averaging: the mean of the hospitals' changes, weighted by their training rows.
---McMahan et al. 2017, Communication-Efficient Learning of Deep Networks from Decentralized Data, Algorithm 1
---@param fields? strategy_fedavg_fields
---@return strategy_part
function strategy.fedavg(fields) end

---@class strategy_fedavgm_fields
---@field momentum? number share of the last step that is kept (default: `0.9`)
---@field rate? number server learning rate (default: `1`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---Federated averaging with momentum at the server.
---Hsu, Qi, Brown 2019, Measuring the Effects of Non-Identical Data Distribution for Federated Visual Classification
---@param fields? strategy_fedavgm_fields
---@return strategy_part
function strategy.fedavgm(fields) end

---@class strategy_fedbn_fields
---@field weighted? boolean false: every hospital counts alike, as in the paper; true: by training rows (default: `false`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---What normalises the layers stays at each hospital, with its statistics, and everything else is averaged: for hospitals that measure the same things on scales of their own. The model needs `norm`.
---Li, Jiang, Zhang, Kamp, Dou 2021, FedBN: Federated Learning on Non-IID Features via Local Batch Normalization, Algorithm 1
---@param fields? strategy_fedbn_fields
---@return strategy_part
function strategy.fedbn(fields) end

---@class strategy_fedbuff_fields
---@field buffer? integer updates that make a version (default: `10`)
---@field rate? number server learning rate (default: `1`)
---@field staleness? staleness_part how much an update counts that comes from an old version (default: `staleness.polynomial { a = 0.5 }`)
---@field weighted? boolean false: every update counts alike but for its staleness, as in the paper; true: by training rows (default: `false`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---No common rounds: whoever replied makes room for another hospital at once, and every `buffer` updates make a version, those from old versions counting less.
---Nguyen et al. 2022, Federated Learning with Buffered Asynchronous Aggregation, Algorithm 1
---@param fields? strategy_fedbuff_fields
---@return strategy_part
function strategy.fedbuff(fields) end

---@class strategy_feddyn_fields
---@field alpha? number strength of the pull; the smaller, the further the server steps (default: `0.01`)
---@field weighted? boolean false: every hospital counts alike, as in the paper; true: by training rows (default: `false`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---Each hospital's objective gets a pull towards the global model and a linear term that it learns, so that all agree only where their mean is least. Nothing more travels than in federated averaging.
---Acar et al. 2021, Federated Learning Based on Dynamic Regularization, Algorithm 1
---@param fields? strategy_feddyn_fields
---@return strategy_part
function strategy.feddyn(fields) end

---@class strategy_fednova_fields
---@field mu? number strength of a proximal pull while hospitals train; 0: none (default: `0`)
---@field weighted? boolean by training rows; false: every hospital counts alike (default: `true`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---Normalised averaging: an update is divided by the steps behind it, so that hospitals with more steps do not pull the model their way.
---Wang et al. 2020, Tackling the Objective Inconsistency Problem in Heterogeneous Federated Optimization
---@param fields? strategy_fednova_fields
---@return strategy_part
function strategy.fednova(fields) end

---@class strategy_fedper_fields
---@field layers? integer how many layers stay, counted from the output (default: `1`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---The last layers of the model stay at each hospital, the others are averaged; a hospital trains all of them together and is scored with the shared ones and its own.
---Arivazhagan, Aggarwal, Singh, Choudhary 2019, Federated Learning with Personalization Layers, Algorithm 1
---@param fields? strategy_fedper_fields
---@return strategy_part
function strategy.fedper(fields) end

---@class strategy_fedprox_fields
---@field adapt? number 0: mu stays; else mu is where it begins, and by so much it grows when the loss that hospitals tell rose, and shrinks after `falls` falls in a row (section 5.3.2: 0.1) (default: `0`)
---@field falls? integer falls of the loss in a row after which mu shrinks (default: `5`)
---@field mu? number strength of the pull (default: `0.01`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---Federated averaging with a pull towards the global model while hospitals train.
---Li et al. 2020, Federated Optimization in Heterogeneous Networks, Algorithm 2
---@param fields? strategy_fedprox_fields
---@return strategy_part
function strategy.fedprox(fields) end

---@class strategy_fedrep_fields
---@field head_epochs? number epochs of the head in each training, as in the paper's experiments; those of the representation are training's (default: `10`)
---@field layers? integer how many layers are the head, counted from the output (default: `1`)
---@field weighted? boolean false: every hospital counts alike, as in the paper; true: by training rows (default: `false`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---As fedper, but a hospital first trains its head on the representation as it came, and then the representation with that head; heads stay, representations are averaged.
---Collins, Hassani, Mokhtari, Shakkottai 2021, Exploiting Shared Representations for Personalized Federated Learning, Algorithm 1
---@param fields? strategy_fedrep_fields
---@return strategy_part
function strategy.fedrep(fields) end

---@class strategy_fedyogi_fields
---@field beta1? number decay of the first moment (default: `0.9`)
---@field beta2? number decay of the second moment (default: `0.99`)
---@field rate? number server learning rate (default: `0.1`)
---@field tau? number degree of adaptivity, added to the root (default: `0.001`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---As fedadam, but the second moment grows and shrinks by the size of one square.
---Reddi et al. 2021, Adaptive Federated Optimization, Algorithm 2
---@param fields? strategy_fedyogi_fields
---@return strategy_part
function strategy.fedyogi(fields) end

---@class strategy_fine_tuning_fields
---@field epochs? number epochs at home (default: `1`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---Federated averaging; each hospital is scored with the global model after a little more training at home.
---Wang et al. 2019, Federated Evaluation of On-device Personalization
---@param fields? strategy_fine_tuning_fields
---@return strategy_part
function strategy.fine_tuning(fields) end

---@class strategy_gossip_fields
---@field degree? integer neighbours of each, of a regular graph (default: `4`)
---@field exchange? "average"|"push_sum" push_sum where messages are lost or go one way (default: `"average"`)
---@field graph? "ring"|"complete"|"regular"|"matching"|"exponential" who are neighbours (default: `"ring"`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---No server: every hospital trains a model of its own and mixes it with its neighbours'.
---Lian et al. 2017, Can Decentralized Algorithms Outperform Centralized Algorithms? A Case Study for Decentralized Parallel Stochastic Gradient Descent, Algorithm 1
---@param fields? strategy_gossip_fields
---@return strategy_part
function strategy.gossip(fields) end

---@class strategy_hierarchical_fields
---@field regional_rounds? integer rounds of a region in one of the server (default: `1`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---Federated averaging through regional aggregators: a region makes rounds of its own with its hospitals, and nothing but the model and its sums crosses its border.
---Liu et al. 2020, Client-Edge-Cloud Hierarchical Federated Learning, Algorithm 1
---@param fields? strategy_hierarchical_fields
---@return strategy_part
function strategy.hierarchical(fields) end

---@class strategy_moon_fields
---@field mu? number weight of the contrastive loss; the paper chooses among 0.1, 1, 5 and 10 (default: `1`)
---@field temperature? number what cosines are divided by (default: `0.5`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---While a hospital trains, what the last hidden layer makes of its rows is drawn to what the global model makes of them, and away from what its last local model made of them. The model needs a hidden layer.
---Li, He, Song 2021, Model-Contrastive Federated Learning, Algorithm 1
---@param fields? strategy_moon_fields
---@return strategy_part
function strategy.moon(fields) end

---@class strategy_pfedme_fields
---@field beta? number the server's step towards the mean (default: `1`)
---@field inner? integer steps of the own model in each of the shared one (K) (default: `5`)
---@field lambda? number strength of the pull between both models (default: `15`)
---@field rate? number learning rate of the shared model at a hospital (eta) (default: `0.005`)
---@field weighted? boolean false: every hospital counts alike, as in the paper; true: by training rows (default: `false`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---Each hospital has a model of its own, held near the shared one by lambda/2 |v - w|^2; the shared one moves towards the own models, which hospitals are scored with. training says the rate of the own models and how many steps the shared one makes (R in the paper, 20 there).
---Dinh, Tran, Nguyen 2020, Personalized Federated Learning with Moreau Envelopes, Algorithm 1
---@param fields? strategy_pfedme_fields
---@return strategy_part
function strategy.pfedme(fields) end

---@class strategy_q_fedavg_fields
---@field lipschitz? number how fast gradients change; 0: 1 / learning rate, as in the paper (default: `0`)
---@field q? number 0: federated averaging (default: `1`)
---@field weighted? boolean by training rows, as the objective has it; false: every hospital counts alike (default: `true`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---Hospitals for which the model is bad count more, by the q-th power of the loss that they tell with their updates: the larger q, the more alike are the losses, and the larger their mean.
---Li, Sanjabi, Beirami, Smith 2020, Fair Resource Allocation in Federated Learning, Algorithm 2
---@param fields? strategy_q_fedavg_fields
---@return strategy_part
function strategy.q_fedavg(fields) end

---@class strategy_scaffold_fields
---@field rate? number server learning rate (default: `1`)
---@field update? "difference"|"gradient" of a hospital's control vector: from the way its training went (option II), or by the gradient at the global model, one more pass over its data (option I) (default: `"difference"`)
---@field weighted? boolean false: every hospital counts alike, as in the paper; true: by training rows (default: `false`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---Every local gradient is corrected by what the others' gradients are (control vectors), so that hospitals do not drift towards optima of their own. Control vectors travel too: twice the bytes.
---Karimireddy et al. 2020, SCAFFOLD: Stochastic Controlled Averaging for Federated Learning, Algorithm 1
---@param fields? strategy_scaffold_fields
---@return strategy_part
function strategy.scaffold(fields) end

---@class strategy_swarm_fields
---@field aggregator? "rotating"|"drawn" who aggregates in a round (default: `"rotating"`)
---@field rounds? integer the scenario's field of that name (default: the scenario's)
---@field participants? all|integer|fraction the scenario's field of that name (default: the scenario's)
---@field deadline? time|none|false the scenario's field of that name (default: the scenario's)

---Federated averaging without a server: in each round another hospital gathers the updates.
---Warnat-Herresthal et al. 2021, Swarm Learning for decentralized and confidential clinical machine learning
---@param fields? strategy_swarm_fields
---@return strategy_part
function strategy.swarm(fields) end

---@class study_part: part

---@class study_fields
---@field title? string one line that says what is compared (default: the base's)
---@field base scenario_part the scenario that arms change
---@field arms? (arm_part)[] the worlds to compare (default: the base alone)
---@field seeds? integer runs of each arm, with the seeds that follow the base's; --seeds overrides it (default: `10`)
---@field compare? compare_part metric and arm to compare with (default: the first metric, the first arm)

---Several worlds under the same seeds: a base scenario and arms that each change some of its fields. Arms with one seed share every random draw that both make.
---@param fields? study_fields
---@return study_part
function study(fields) end

---@class tampering_part: part
tampering = {}

---@class tampering_keys_fields
---@field hospital? string whose update the server is after (default: the first of those invited that is there)
---@field from_round? integer the first round in which it lies (default: `1`)

---The server plays all other hospitals towards one, and that one towards all others: each gets keys of the server's instead of theirs. Unless keys are signed it reads the update of that hospital, whatever the threshold, and the sum comes out as if nothing had happened.
---Bonawitz et al. 2017, Practical Secure Aggregation for Privacy-Preserving Machine Learning, section 6.2
---@param fields? tampering_keys_fields
---@return tampering_part
function tampering.keys(fields) end

---@class tampering_survivors_fields
---@field hospital? string whose update the server is after (default: the first of those invited that is there)
---@field from_round? integer the first round in which it lies (default: `1`)

---The server tells half of the hospitals that one was lost, and the others that it is in the sum: shares of either of its secrets. Where half of them are a threshold, it reads the update of that hospital.
---Bonawitz et al. 2017, Practical Secure Aggregation for Privacy-Preserving Machine Learning, section 6.2
---@param fields? tampering_survivors_fields
---@return tampering_part
function tampering.survivors(fields) end

---@class time_to_event_part: part

---@class time_to_event_fields
---@field time string|column_part column of the time, above 0
---@field event string|column_part column that is 1 where the event was seen, 0 where not

---A survival outcome: days to an event or to the end of being watched.
---@param fields? time_to_event_fields
---@return time_to_event_part
function time_to_event(fields) end

---@class training_part: part
training = {}

---@class training_adam_fields
---@field rate? number|schedule_part learning rate, or a schedule of it over the rounds (default: 0.001)
---@field batch? integer|all rows per step; all takes every row of the hospital at once (default: 32; survival: all)
---@field epochs? number passes over the hospital's rows per round; a fraction is rounded to whole batches (default: 1)
---@field steps? integer steps per round instead of epochs; the next round goes on where this one ended (default: as epochs say)
---@field drop_last? boolean leave out the last short batch of an epoch (default: `false`)
---@field weight_decay? number times the parameters, added to the gradient (biases too) (default: `0`)
---@field clip? number|none|false largest norm of a step's gradient; a longer one is shortened to it (default: no limit)
---@field class_weights? (number)[]|none|false factor of a row's loss by its class, the first for class 0 (default: all 1)
---@field keep_state? boolean the optimiser's moments stay at the hospital between rounds (default: `false`)
---@field early_stopping? early_stopping_part|none|false a hospital ends its training when a loss of its own no longer falls (default: none: all epochs)
---@field order? function|none|false row order from the scenario: function(hospital, rows, epoch) returning a permutation of 1..rows, to reproduce other people's runs; a hospital's epochs count from 0 (default: shuffled anew for each epoch)
---@field beta1? number decay of the mean of gradients (default: `0.9`)
---@field beta2? number decay of the mean of squared gradients (default: `0.999`)
---@field epsilon? number added to the root of the second moment (default: `1e-08`)

---Steps scaled by running moments of the gradient.
---Kingma and Ba 2015
---@param fields? training_adam_fields
---@return training_part
function training.adam(fields) end

---@class training_adamw_fields
---@field rate? number|schedule_part learning rate, or a schedule of it over the rounds (default: 0.001)
---@field batch? integer|all rows per step; all takes every row of the hospital at once (default: 32; survival: all)
---@field epochs? number passes over the hospital's rows per round; a fraction is rounded to whole batches (default: 1)
---@field steps? integer steps per round instead of epochs; the next round goes on where this one ended (default: as epochs say)
---@field drop_last? boolean leave out the last short batch of an epoch (default: `false`)
---@field weight_decay? number times the rate, taken off the parameters themselves (default: `0.01`)
---@field clip? number|none|false largest norm of a step's gradient; a longer one is shortened to it (default: no limit)
---@field class_weights? (number)[]|none|false factor of a row's loss by its class, the first for class 0 (default: all 1)
---@field keep_state? boolean the optimiser's moments stay at the hospital between rounds (default: `false`)
---@field early_stopping? early_stopping_part|none|false a hospital ends its training when a loss of its own no longer falls (default: none: all epochs)
---@field order? function|none|false row order from the scenario: function(hospital, rows, epoch) returning a permutation of 1..rows, to reproduce other people's runs; a hospital's epochs count from 0 (default: shuffled anew for each epoch)
---@field beta1? number decay of the mean of gradients (default: `0.9`)
---@field beta2? number decay of the mean of squared gradients (default: `0.999`)
---@field epsilon? number added to the root of the second moment (default: `1e-08`)

---Adam with weight decay apart from the gradient.
---Loshchilov and Hutter 2019
---@param fields? training_adamw_fields
---@return training_part
function training.adamw(fields) end

---@class training_momentum_fields
---@field rate? number|schedule_part learning rate, or a schedule of it over the rounds (default: 0.01)
---@field batch? integer|all rows per step; all takes every row of the hospital at once (default: 32; survival: all)
---@field epochs? number passes over the hospital's rows per round; a fraction is rounded to whole batches (default: 1)
---@field steps? integer steps per round instead of epochs; the next round goes on where this one ended (default: as epochs say)
---@field drop_last? boolean leave out the last short batch of an epoch (default: `false`)
---@field weight_decay? number times the parameters, added to the gradient (biases too) (default: `0`)
---@field clip? number|none|false largest norm of a step's gradient; a longer one is shortened to it (default: no limit)
---@field class_weights? (number)[]|none|false factor of a row's loss by its class, the first for class 0 (default: all 1)
---@field keep_state? boolean the optimiser's moments stay at the hospital between rounds (default: `false`)
---@field early_stopping? early_stopping_part|none|false a hospital ends its training when a loss of its own no longer falls (default: none: all epochs)
---@field order? function|none|false row order from the scenario: function(hospital, rows, epoch) returning a permutation of 1..rows, to reproduce other people's runs; a hospital's epochs count from 0 (default: shuffled anew for each epoch)
---@field momentum? number share of the last step that goes on (default: `0.9`)
---@field nesterov? boolean look ahead by the momentum before the gradient counts (default: `false`)

---Gradient descent with a running sum of gradients.
---Polyak 1964; Nesterov 1983; Sutskever et al. 2013
---@param fields? training_momentum_fields
---@return training_part
function training.momentum(fields) end

---@class training_sgd_fields
---@field rate? number|schedule_part learning rate, or a schedule of it over the rounds (default: 0.05; 0.1 for linear models)
---@field batch? integer|all rows per step; all takes every row of the hospital at once (default: 32; survival: all)
---@field epochs? number passes over the hospital's rows per round; a fraction is rounded to whole batches (default: 1)
---@field steps? integer steps per round instead of epochs; the next round goes on where this one ended (default: as epochs say)
---@field drop_last? boolean leave out the last short batch of an epoch (default: `false`)
---@field weight_decay? number times the parameters, added to the gradient (biases too) (default: `0`)
---@field clip? number|none|false largest norm of a step's gradient; a longer one is shortened to it (default: no limit)
---@field class_weights? (number)[]|none|false factor of a row's loss by its class, the first for class 0 (default: all 1)
---@field keep_state? boolean the optimiser's moments stay at the hospital between rounds (default: `false`)
---@field early_stopping? early_stopping_part|none|false a hospital ends its training when a loss of its own no longer falls (default: none: all epochs)
---@field order? function|none|false row order from the scenario: function(hospital, rows, epoch) returning a permutation of 1..rows, to reproduce other people's runs; a hospital's epochs count from 0 (default: shuffled anew for each epoch)

---Stochastic gradient descent on batches of the hospital's rows.
---Robbins and Monro 1951
---@param fields? training_sgd_fields
---@return training_part
function training.sgd(fields) end

---@class window_part: part

---@class nightly_fields
---@field opens? number hour at which it opens (default: `22`)
---@field closes? number hour at which it closes (default: `6`)

---A daily window, hours after midnight; across midnight when it closes before it opens. Time 0 is midnight.
---@param opens number|nightly_fields
---@param closes? number
---@return window_part
function nightly(opens, closes) end
