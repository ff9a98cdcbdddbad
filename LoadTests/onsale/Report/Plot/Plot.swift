/// A drawing over the seconds of a run: layers of data in one frame, with a readout for each column under the pointer.
struct Plot {
    enum Tone: String, Sendable { case blue, teal, green, amber, red, violet, grey, ink }

    struct Layer {
        enum Form {
            /// Columns from the base; layers of this form are stacked in their order.
            case columns
            case area, line, dotted, dashed
            /// A line that jumps: the value holds until the next point.
            case steps, dashedSteps
            /// A filled region between the base and a jumping line, very light.
            case steppedArea
            /// Filled regions between `floor` and `points`, straight or jumping, very light.
            case band, steppedBand
        }

        var label: String
        var tone: Tone
        var form: Form
        /// Seconds of the run and values; nil breaks a line.
        var points: [(x: Double, y: Double?)]
        /// The lower edge of a band: as many points as `points`, at the same seconds.
        var floor: [(x: Double, y: Double?)] = []
        /// Appears in the legend and the readout.
        var isListed = true
    }

    /// A vertical mark through the plot.
    struct Mark {
        var second: Double
        var label: String
    }

    /// A horizontal mark: an objective.
    struct Rule {
        var value: Double
        var label: String
    }

    var title: String
    var note: String
    var seconds: Double
    /// Width of a column of data in seconds.
    var columnSeconds: Double
    var layers: [Layer]
    var yAxis: Axis
    var marks: [Mark] = []
    var rules: [Rule] = []
    var width = 1040.0
    var height = 232.0
    /// How a value reads at the axis and in the readout.
    var format: (Double) -> String = { Format.significant($0) }
}
