/// Promises in the words that a verdict has for them.
extension Check.Name {
    /// As the first of its checks begins.
    var words: String {
        switch self {
        case .order: "Nobody who asks when told is overtaken"
        case .positions: "Positions fall in step with the line"
        case .numbers: "Each gets a number of their own, in the order of their coming"
        case .placeKept: "Nobody loses the place in line"
        case .letInOnce: "Who is in stays in, and is let in once"
        case .estimates: "The wait that was told is the wait that comes"
        case .pages: "Every waiting page says"
        case .opening: "Nobody is in before the opening"
        case .pace: "Never above burst + rate × time"
        case .shortfall: "While people wait, the rate is used"
        case .slots: "Never more inside than there are slots"
        case .reload: "A changed limit takes hold at once"
        case .identity: "Every page is the one that was asked for"
        case .content: "Every page is whole"
        case .serverErrors: "No 5xx"
        case .blame: "Every 5xx says who made it"
        case .otherErrors: "No broken connection, no refusal, no timeout"
        case .latency: "Answers inside come within the objective"
        case .lineLatency: "Waiting pages come within the objective"
        case .doorLatency: "Who comes when called is soon in"
        case .passes: "No token that is no good lets anyone in"
        case .books: "The room's journal agrees with what visitors saw"
        case .workers: "Workers grew with the crowd and came back"
        case .accounted: "Every visitor's way came to its end"
        case .ending: "The gateway ends in order and leaves nothing behind"
        case .agents: "Every agent played its share"
        case .tool: "The load tool kept up"
        }
    }
}
