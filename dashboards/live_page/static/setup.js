import { element } from "./elements.js";
export class Setup { constructor(page){this.node=element("main",{},element("h1",{},"Set-up"));} paint(){} }
