/// Puts the answers to a known number of questions together. Confined to where its answers arrive.
public final class Gathering<Answer> {
    private var answers: [Answer?]
    private var missing: Int
    private var completion: (([Answer]) -> Void)?

    /// `completion` runs once, with the last answer.
    public init(count: Int, _ completion: @escaping ([Answer]) -> Void) {
        precondition(count > 0, "nobody is asked")
        self.answers = Array(repeating: nil, count: count)
        self.missing = count
        self.completion = completion
    }

    /// The answer to question `index`; the answers are handed over in the order of the questions.
    public func put(_ answer: Answer, at index: Int) {
        precondition(self.answers[index] == nil, "question \(index) has its answer")
        self.answers[index] = answer
        self.missing -= 1
        guard self.missing == 0 else { return }
        let completion = self.completion
        self.completion = nil
        completion?(self.answers.compactMap { $0 })
    }

    /// An answer that may stand anywhere among the others.
    public func arrive(_ answer: Answer) { self.put(answer, at: self.answers.count - self.missing) }
}
