// What a scenario can say about the network.
#include <cstdint>
#include <limits>

#include "net/network.hpp"
#include "net/schema_help.hpp"

namespace polyclinic {

namespace {

// Far beyond any link, and far from overflow in the solver.
constexpr double kBandwidthMax = 1e18;
constexpr double kBytesPerMbit = 125e3;
constexpr double kTimeMaxNs = static_cast<double>(kTimeMax.ns);
// SimGrid's figures: the window is its default for CM02 and LV08.
constexpr double kWindowBytes = 4194304;

Type rate() {
  return type::quantity(Dimension::bandwidth).inside(0, kBandwidthMax);
}
Type some_time() {
  return type::quantity(Dimension::time);
}
Value mbit(double rate) {
  return Quantity{rate * kBytesPerMbit, Dimension::bandwidth};
}

Field server_field() {
  return {"server", rate() | type::table(rate()), mbit(1000),
          "the shared link: up carries what hospitals send, down what they receive"};
}

// What every network can say about transfers.
void append_transfer_fields(std::vector<Field>& fields) {
  const std::vector<Field> common = {
      {"interrupted", type::choice({"abort", "resume"}) | type::part("resumable"), "abort",
       "a transfer that an outage stops: starts anew, or goes on afterwards; resumable { ... } "
       "says "
       "what going on costs"},
      {"retries", type::integer().between(0, 1000), 3, "how often it starts anew"},
      {"back_off", some_time().between(0, kTimeMaxNs), Quantity{1e9, Dimension::time},
       "pause before it starts anew; doubles each time, up to an hour"},
      {"flow",
       type::part("flow") | type::none(),
       {},
       "how TCP bends what a flow gets",
       false,
       "flow.fair {}"},
  };
  fields.insert(fields.end(), common.begin(), common.end());
}

Schema network_regions_schema() {
  Schema schema{
      .kind = "network",
      .name = "regions",
      .doc =
          "A tree: hospitals of a region share a line to the server's link, as hospitals behind "
          "one "
          "access line or one national network do. Regions are those that hospitals name; a "
          "hospital without one is at the server's link.",
      .example =
          "network = network.regions { up = mbit(200), down = mbit(500), latency = ms(10), region "
          "= { EU = { up = gbit(1) } } }"};
  schema.fields = {server_field(),
                   {"up", rate(), mbit(1000), "line of a region: what its hospitals send together"},
                   {"down", rate(), mbit(1000), "the same: what they receive together"},
                   {"latency", some_time().between(0, kTimeMaxNs), Quantity{0, Dimension::time},
                    "of the line, one way, on top of the hospitals' own"},
                   {"region",
                    type::table(type::table(type::any())),
                    {},
                    "up, down and latency of single regions, by name"}};
  append_transfer_fields(schema.fields);
  return schema;
}

Schema network_mesh_schema() {
  Schema schema{
      .kind = "network",
      .name = "mesh",
      .doc =
          "Routers and the links between them. Hospitals and the server are at routers; a "
          "transfer takes the way of least latency, of those the one with fewest links.",
      .example =
          "network = network.mesh { server_at = \"Paris\", link { from = \"Paris\", to = "
          "\"Oslo\", bandwidth = mbit(500), latency = ms(15) }, at = { [\"*\"] = \"Oslo\" } }"};
  schema.fields = {{"links", type::list(type::part("link")), {}, "the links between routers"},
                   server_field(),
                   {"server_at", type::text(), {}, "the router of the server", true},
                   {"at",
                    type::table(type::text()),
                    {},
                    "routers of regions and hospitals, by name; * is any other",
                    false,
                    "the router that is called as the region"}};
  append_transfer_fields(schema.fields);
  schema.items_field = "links";
  return schema;
}

Schema resumable_schema() {
  return Schema{
      .kind = "resumable",
      .doc =
          "Transfers go in chunks that are kept on disk where they arrive. One that is stopped "
          "goes on behind the last whole chunk, once both ends have agreed on which that is; an "
          "update on its way outlasts even a machine that goes down (world.hospital[name]"
          ":outage) and the hospital's invitation with it.",
      .paper =
          "Bishop et al., Resumable uploads for HTTP (IETF draft-ietf-httpbis-resumable-upload)",
      .fields = {{"chunk", type::quantity(Dimension::data).between(1, 1e18),
                  Quantity{1e6, Dimension::data},
                  "a chunk of which a part has arrived is sent again"},
                 {"round_trips", type::integer().between(0, 100), std::int64_t{1},
                  "of questions and answers before the first byte, of two latencies each"},
                 {"handshake", type::quantity(Dimension::data).between(0, 1e12),
                  Quantity{1000, Dimension::data},
                  "bytes of these questions, on the way of the transfer"}},
      .example = "network = network.star { interrupted = resumable { chunk = MB(5) } }"};
}

Schema link_schema() {
  return Schema{
      .kind = "link",
      .doc = "A link of network.mesh; both directions at once, each with the bandwidth.",
      .fields = {{"from", type::text(), {}, "a router", true},
                 {"to", type::text(), {}, "another router", true},
                 {"bandwidth", rate(), mbit(1000), "what its flows share in each direction"},
                 {"latency", some_time().between(0, kTimeMaxNs), Quantity{0, Dimension::time},
                  "one way"}},
      .example =
          "link { from = \"Paris\", to = \"Oslo\", bandwidth = mbit(500), latency = ms(15) }"};
}

Field window_field() {
  return {"window", type::quantity(Dimension::data).between(1, 1e18) | type::none(),
          Quantity{kWindowBytes, Dimension::data},
          "bytes under way at most: a flow gets at most window / (2 x latency)"};
}

std::vector<Field> flow_fields(double latency_factor, double bandwidth_factor) {
  return {{"latency_factor", type::number().between(0, 1e6), latency_factor,
           "the time before the first byte is so many latencies"},
          {"bandwidth_factor", type::number().between(0.1, 1), bandwidth_factor,
           "payload per byte on the wire"}};
}

Schema flow_schema(std::string name, std::string doc, std::string paper, std::string example) {
  Schema schema;
  schema.kind = "flow";
  schema.name = std::move(name);
  schema.doc = std::move(doc);
  schema.paper = std::move(paper);
  schema.example = std::move(example);
  return schema;
}

std::vector<Schema> flow_schemas() {
  Schema fair = flow_schema("fair",
                            "Latency, then an equal share: no TCP. Factors and a window, measured "
                            "on a real line, may correct it.",
                            "", "flow = flow.fair { bandwidth_factor = 0.95 }");
  fair.fields = flow_fields(1, 1);
  fair.fields.push_back({"window",
                         type::quantity(Dimension::data).between(1, 1e18) | type::none(),
                         {},
                         "bytes under way at most: a flow gets at most window / (2 x latency)",
                         false,
                         "no limit"});
  Schema cm02 = flow_schema("cm02",
                            "TCP shares a full link as 1 / latency, and its window limits a flow "
                            "on a long path.",
                            "Casanova and Marchal 2002, A network model for simulation of grid "
                            "application (INRIA RR-4596)",
                            "flow = flow.cm02 {}");
  cm02.fields = flow_fields(1, 1);
  cm02.fields.push_back(window_field());
  Schema lv08 = flow_schema("lv08",
                            "As cm02, with factors for slow start and headers, and shares as 1 / "
                            "(latency + sum over links of weight / bandwidth).",
                            "Velho, Schnorr, Casanova and Legrand 2013, On the validity of "
                            "flow-level TCP network models for grid and cloud simulations",
                            "flow = flow.lv08 {}");
  lv08.fields = flow_fields(13.01, 0.97);
  lv08.fields.push_back(window_field());
  lv08.fields.push_back({"weight", type::quantity(Dimension::data).between(0, 1e12),
                         Quantity{20537, Dimension::data},
                         "what each link adds to the time of a round trip: weight / bandwidth"});
  return {fair, cm02, lv08};
}

}  // namespace

Schema network_star_schema() {
  Schema schema{
      .kind = "network",
      .name = "star",
      .doc =
          "Every hospital behind its own link, the server behind one that all share max-min "
          "fairly: latency first, then bandwidth.",
      .example = "network = network.star { server = { up = gbit(1), down = gbit(1) } }"};
  schema.fields = {server_field()};
  append_transfer_fields(schema.fields);
  return schema;
}

Schema region_link_schema(std::string name) {
  Schema schema{.kind = "region", .name = std::move(name)};
  for (const char* field : {"up", "down", "latency"}) {
    schema.fields.push_back(*network_regions_schema().find(field));
    schema.fields.back().standard = Value();
  }
  return schema;
}

std::vector<Schema> network_schemas() {
  std::vector<Schema> schemas = {network_star_schema(), network_regions_schema(),
                                 network_mesh_schema(), link_schema(), resumable_schema()};
  for (Schema& schema : flow_schemas()) schemas.push_back(std::move(schema));
  return schemas;
}

}  // namespace polyclinic
